-- No access token lives longer than a day: what has expired before that is history.
DELETE FROM api.sessions
WHERE expires_at < now() - interval '2 days';

DELETE FROM api.refresh_tokens
WHERE expires_at < now();

DELETE FROM api.login_failures
WHERE last_failure_at < now() - interval '1 day';

DELETE FROM api.audit_log
WHERE recorded_at < now() - interval '400 days';
