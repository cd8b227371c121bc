SELECT
    {date_column} AS day,
    COUNT(*) AS `rows`
FROM {relation}
WHERE
    {date_column} >= @start
    AND {date_column} < @end
    AND transaction_id <> ''
    AND NOT REGEXP_CONTAINS(transaction_id, r'^[0-9a-f]{{64}}$')
GROUP BY {date_column};
