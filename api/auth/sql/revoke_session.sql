UPDATE api.sessions
SET revoked_at = now()
WHERE session_id = %(session_id)s AND revoked_at IS NULL
RETURNING username
