SELECT
    {date_column} AS day,
    count(*) AS rows
FROM {relation}
WHERE
    {date_column} >= %(start)s
    AND {date_column} < %(end)s
    AND transaction_id <> ''
    AND transaction_id !~ '^[0-9a-f]{{64}}$'
GROUP BY {date_column};
