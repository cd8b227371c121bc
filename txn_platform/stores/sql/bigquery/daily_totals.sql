SELECT
    sale_date AS day,
    COUNT(*) AS `rows`,
    SUM(quantity) AS quantity,
    SUM(amount) AS amount
FROM {relation}
WHERE sale_date >= @start AND sale_date < @end
GROUP BY sale_date
ORDER BY sale_date;
