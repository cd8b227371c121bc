SELECT
    product,
    sale_month,
    total_amount,
    avg_price,
    total_quantity,
    transaction_count
FROM {relation}
ORDER BY sale_month, product;
