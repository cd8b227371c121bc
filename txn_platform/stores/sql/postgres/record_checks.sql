-- Rows in the order of the key, so that two runs that end together can't lock each other out.
INSERT INTO check_results AS known (
    asset, name, passed, severity, blocking, run_id, evaluated_at
)
SELECT
    happened.asset,
    happened.name,
    happened.passed,
    happened.severity,
    happened.blocking,
    happened.run_id,
    happened.evaluated_at
FROM
    unnest(
        %(asset)s::text[],
        %(name)s::text[],
        %(passed)s::boolean[],
        %(severity)s::text[],
        %(blocking)s::boolean[],
        %(run_id)s::text[],
        %(evaluated_at)s::timestamptz[]
    ) AS happened (asset, name, passed, severity, blocking, run_id, evaluated_at)
ORDER BY happened.asset, happened.name
ON CONFLICT (asset, name) DO UPDATE SET
    passed = excluded.passed,
    severity = excluded.severity,
    blocking = excluded.blocking,
    run_id = excluded.run_id,
    evaluated_at = excluded.evaluated_at
WHERE
excluded.evaluated_at >= known.evaluated_at
-- Another window's pass doesn't make up for a failure: that stays until all loaded days pass.
AND (
    known.passed
    OR NOT excluded.passed
    OR NOT EXISTS (
        SELECT FROM loaded_batches AS loaded
        WHERE NOT loaded.checked
    )
);
