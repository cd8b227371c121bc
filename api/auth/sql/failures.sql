SELECT
    attempt_key,
    failures,
    extract(EPOCH FROM now() - last_failure_at)::double precision AS age_seconds
FROM api.login_failures
WHERE attempt_key = any(%(keys)s)
