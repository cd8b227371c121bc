UPDATE loaded_batches
SET finished = true
WHERE load_id = %(load_id)s;
