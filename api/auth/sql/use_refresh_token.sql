UPDATE api.refresh_tokens
SET used_at = now()
WHERE token_hash = %(token_hash)s
