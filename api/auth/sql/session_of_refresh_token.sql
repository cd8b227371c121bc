SELECT session_id
FROM api.refresh_tokens
WHERE token_hash = %(token_hash)s
