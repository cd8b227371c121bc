INSERT INTO {raw_table}
SELECT
    transaction_id,
    product,
    price,
    quantity,
    date,
    batch_id
FROM read_parquet($uris, hive_partitioning = false);
