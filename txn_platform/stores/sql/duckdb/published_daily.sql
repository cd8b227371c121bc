SELECT
    product,
    sale_date,
    total_amount,
    avg_price,
    total_quantity,
    transaction_count
FROM {relation}
ORDER BY sale_date, product;
