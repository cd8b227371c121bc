-- Rows in the order of the key, so that two runs that end together can't lock each other out.
INSERT INTO asset_materializations AS known (asset, run_id, materialized_at)
SELECT
    happened.asset,
    happened.run_id,
    happened.materialized_at
FROM
    unnest(
        %(asset)s::text[],
        %(run_id)s::text[],
        %(materialized_at)s::timestamptz[]
    ) AS happened (asset, run_id, materialized_at)
ORDER BY happened.asset
ON CONFLICT (asset) DO UPDATE SET
    run_id = excluded.run_id,
    materialized_at = excluded.materialized_at
WHERE excluded.materialized_at >= known.materialized_at;
