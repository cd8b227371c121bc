CREATE TABLE IF NOT EXISTS transactions (
    transaction_id text COLLATE "C" NOT NULL,
    product text NOT NULL,
    price numeric(18, 6) NOT NULL,
    quantity bigint NOT NULL,
    date date NOT NULL,
    batch_id text COLLATE "C" NOT NULL
);

CREATE TABLE IF NOT EXISTS loaded_batches (
    date date NOT NULL,
    batch_id text COLLATE "C" NOT NULL,
    loaded_at timestamptz NOT NULL DEFAULT now(),
    load_id text COLLATE "C" NOT NULL,
    finished boolean NOT NULL DEFAULT false,
    PRIMARY KEY (date, batch_id)
);
