SELECT
    sale_date AS day,
    count(*) AS rows,
    sum(quantity)::bigint AS quantity,
    sum(amount) AS amount
FROM {relation}
WHERE sale_date >= $start AND sale_date < $end
GROUP BY sale_date
ORDER BY sale_date;
