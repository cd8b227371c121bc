-- What readers tell these tables from the next ones by; one row.
CREATE TABLE {materialization} AS
SELECT
    $id::VARCHAR AS materialization_id,
    $at::TIMESTAMPTZ AS materialized_at;
