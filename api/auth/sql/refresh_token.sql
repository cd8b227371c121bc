-- The second of two who show the same token waits here, then finds it used.
SELECT
    shown.session_id,
    logins.username,
    logins.scopes,
    owners.scopes AS user_scopes,
    shown.used_at IS NOT NULL AS is_used,
    shown.expires_at > now() AND logins.revoked_at IS NULL AND NOT owners.disabled AS is_valid
FROM api.refresh_tokens AS shown
INNER JOIN api.sessions AS logins ON shown.session_id = logins.session_id
INNER JOIN api.users AS owners ON logins.username = owners.username
WHERE shown.token_hash = %(token_hash)s  -- noqa: RF02
FOR UPDATE OF shown
