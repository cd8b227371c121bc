COPY {table} (transaction_id, product, price, quantity, date, batch_id)
FROM STDIN (FORMAT BINARY);
