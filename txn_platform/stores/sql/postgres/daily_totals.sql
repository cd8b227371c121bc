SELECT
    sale_date AS day,
    count(*) AS rows,
    sum(quantity)::bigint AS quantity,
    sum(amount) AS amount
FROM {relation}
WHERE sale_date >= %(start)s AND sale_date < %(end)s
GROUP BY sale_date
ORDER BY sale_date;
