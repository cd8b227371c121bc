-- One transaction: readers see the window as it was or as it is now, and an error in any
-- statement rolls back all of them. Of each transaction the row of the batch that comes last
-- in @batches stays. The query at the end is what the script returns.
BEGIN TRANSACTION;

DELETE FROM {raw_table}
WHERE date >= @start AND date < @end;

INSERT INTO {raw_table} (transaction_id, product, price, quantity, date, batch_id)
SELECT
    incoming.transaction_id,
    incoming.product,
    incoming.price,
    incoming.quantity,
    incoming.date,
    incoming.batch_id
FROM {staging_table} AS incoming
INNER JOIN UNNEST(@batches) AS landed_batch WITH OFFSET AS landing
    ON incoming.batch_id = landed_batch
WHERE incoming.date >= @start AND incoming.date < @end
QUALIFY
    ROW_NUMBER() OVER (
        PARTITION BY incoming.date, incoming.transaction_id
        ORDER BY landing DESC
    ) = 1;

COMMIT TRANSACTION;

SELECT
    date AS day,
    COUNT(*) AS `rows`
FROM {raw_table}
WHERE date >= @start AND date < @end
GROUP BY date;
