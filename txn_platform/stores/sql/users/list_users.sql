SELECT
    username,
    scopes,
    disabled,
    created_at
FROM api.users
ORDER BY username
