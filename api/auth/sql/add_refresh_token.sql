INSERT INTO api.refresh_tokens (token_hash, session_id, expires_at)
VALUES (%(token_hash)s, %(session_id)s, now() + make_interval(secs => %(seconds)s))
