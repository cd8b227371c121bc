INSERT INTO loaded_batches (date, batch_id, load_id)
SELECT
    loaded.day,
    loaded.batch_id,
    %(load_id)s
FROM unnest(%(days)s::date[], %(batches)s::text[]) AS loaded (day, batch_id);
