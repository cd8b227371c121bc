UPDATE loaded_batches
SET checked = true
WHERE load_id = %(load_id)s AND NOT checked;
