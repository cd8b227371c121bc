UPDATE api.sessions
SET revoked_at = now()
WHERE username = %(username)s AND revoked_at IS NULL
