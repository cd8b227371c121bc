SELECT
    username,
    password_hash,
    scopes,
    disabled
FROM api.users
WHERE username = %(username)s
