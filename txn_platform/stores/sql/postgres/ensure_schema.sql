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
    checked boolean NOT NULL DEFAULT false, -- noqa: RF04
    finished boolean NOT NULL DEFAULT false,
    PRIMARY KEY (date, batch_id)
);

-- What the platform says about itself, for those who may read the marts only.
CREATE TABLE IF NOT EXISTS mart_versions (
    mart text PRIMARY KEY,
    materialization_id text NOT NULL,
    materialized_at timestamptz NOT NULL,
    row_count bigint NOT NULL
);

CREATE TABLE IF NOT EXISTS asset_materializations (
    asset text PRIMARY KEY,
    run_id text NOT NULL,
    materialized_at timestamptz NOT NULL
);

CREATE TABLE IF NOT EXISTS check_results (
    asset text NOT NULL,
    name text NOT NULL, -- noqa: RF04
    passed boolean NOT NULL,
    severity text NOT NULL,
    blocking boolean NOT NULL,
    run_id text NOT NULL,
    evaluated_at timestamptz NOT NULL,
    PRIMARY KEY (asset, name)
);

CREATE TABLE IF NOT EXISTS landed_rows (
    outcome text PRIMARY KEY,
    row_count bigint NOT NULL
);

-- A ledger of before readers were told what is published: its finished days had passed their
-- checks, and are to be published once more.
ALTER TABLE loaded_batches ADD COLUMN IF NOT EXISTS checked boolean NOT NULL DEFAULT false;

UPDATE loaded_batches
SET checked = true
WHERE finished AND NOT checked;

UPDATE loaded_batches
SET finished = false
WHERE finished AND NOT EXISTS (
    SELECT FROM mart_versions
    WHERE mart = 'summary_sales'
);
