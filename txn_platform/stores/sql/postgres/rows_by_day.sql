SELECT
    date AS day,
    count(*) AS rows
FROM transactions
WHERE date >= %(start)s AND date < %(end)s
GROUP BY date;
