CREATE SCHEMA IF NOT EXISTS {dataset};

CREATE SCHEMA IF NOT EXISTS {mart_dataset};

CREATE TABLE IF NOT EXISTS {raw_table} (
    transaction_id VARCHAR NOT NULL,
    product VARCHAR NOT NULL,
    price DECIMAL(38, 9) NOT NULL,
    quantity BIGINT NOT NULL,
    date DATE NOT NULL,
    batch_id VARCHAR NOT NULL
);
