INSERT INTO api.login_failures AS known (attempt_key, failures, last_failure_at)
SELECT
    failed.attempt_key,
    1 AS failures,
    now() AS last_failure_at
FROM unnest(%(keys)s::bytea[]) AS failed (attempt_key)
ORDER BY failed.attempt_key
ON CONFLICT (attempt_key) DO UPDATE
    SET
        failures = CASE
            WHEN known.last_failure_at < now() - make_interval(secs => %(memory_seconds)s) THEN 1
            ELSE known.failures + 1
        END,
        last_failure_at = now()
