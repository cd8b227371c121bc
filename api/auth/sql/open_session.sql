-- Locks the user's row: a user who is disabled meanwhile either gets no session, or loses it.
INSERT INTO api.sessions (session_id, username, scopes, expires_at)
SELECT
    %(new_id)s AS session_id,
    username,
    %(granted)s AS scopes,
    now() + make_interval(secs => %(seconds)s) AS expires_at
FROM api.users
WHERE username = %(username)s AND NOT disabled
FOR SHARE
RETURNING session_id
