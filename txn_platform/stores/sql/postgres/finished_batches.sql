SELECT
    date AS day,
    array_agg(batch_id) AS batches
FROM {relation}
WHERE finished
GROUP BY date;
