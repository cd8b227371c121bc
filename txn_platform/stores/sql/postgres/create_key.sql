CREATE UNIQUE INDEX IF NOT EXISTS transactions_key ON transactions (date, transaction_id);
