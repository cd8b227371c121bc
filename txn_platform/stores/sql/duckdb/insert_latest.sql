-- Days of several batches: of each transaction the row of the batch that comes last in $batches.
INSERT INTO {raw_table}
SELECT
    incoming.transaction_id,
    incoming.product,
    incoming.price,
    incoming.quantity,
    incoming.date,
    incoming.batch_id
FROM read_parquet($uris, hive_partitioning = false) AS incoming
INNER JOIN unnest($batches) WITH ORDINALITY AS landed (batch_id, landing)
    ON incoming.batch_id = landed.batch_id
QUALIFY
    row_number() OVER (
        PARTITION BY incoming.date, incoming.transaction_id
        ORDER BY landed.landing DESC
    ) = 1;
