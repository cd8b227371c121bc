UPDATE api.sessions
SET expires_at = now() + make_interval(secs => %(seconds)s)
WHERE session_id = %(session_id)s
