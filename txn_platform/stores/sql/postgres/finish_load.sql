-- With the load's own days those that waited for others: all of them are published now.
UPDATE loaded_batches
SET checked = true, finished = true
WHERE NOT finished AND (checked OR load_id = %(load_id)s);
