SELECT DISTINCT date AS day
FROM loaded_batches
WHERE NOT checked
ORDER BY date;
