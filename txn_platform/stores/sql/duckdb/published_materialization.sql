SELECT
    materialization_id,
    materialized_at
FROM {relation};
