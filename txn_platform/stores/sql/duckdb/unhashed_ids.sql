SELECT
    {date_column} AS day,
    count(*) AS rows
FROM {relation}
WHERE
    {date_column} >= $start
    AND {date_column} < $end
    AND transaction_id <> ''
    AND NOT regexp_full_match(transaction_id, '[0-9a-f]{{64}}')
GROUP BY {date_column};
