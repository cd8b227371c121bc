DELETE FROM api.login_failures
WHERE attempt_key = %(key)s
