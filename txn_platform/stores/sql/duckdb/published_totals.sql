-- Over all products. The mean is taken in billionths and rounded half up to cents by integer
-- division, since DuckDB's own gives a DOUBLE.
SELECT
    {date_column},
    sum(total_amount)::decimal(38, 9) AS total_amount,
    ((
        sum((avg_price * 1000000000)::hugeint * transaction_count) * 2
        + sum(transaction_count) * 10000000
    ) // (sum(transaction_count) * 20000000))::decimal(36, 0) * 0.01 AS avg_price,
    sum(total_quantity)::bigint AS total_quantity,
    sum(transaction_count)::bigint AS transaction_count
FROM {relation}
GROUP BY {date_column}
ORDER BY {date_column};
