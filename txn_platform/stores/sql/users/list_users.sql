SELECT
    username,
    scopes,
    disabled,
    created_at
FROM api_users
ORDER BY username
