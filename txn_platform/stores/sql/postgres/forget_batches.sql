DELETE FROM loaded_batches
WHERE date >= %(start)s AND date < %(end)s;
