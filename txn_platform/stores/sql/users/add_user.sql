WITH added AS (
    INSERT INTO api.users (username, password_hash, scopes)
    VALUES (%(username)s, %(password_hash)s, %(scopes)s)
    ON CONFLICT (username) DO NOTHING
    RETURNING username
),

recorded AS (
    INSERT INTO api.audit_log (event_name, username, client, request_id)
    SELECT
        'user_added' AS event_name,
        username,
        'command line' AS client,
        '' AS request_id
    FROM added
)

SELECT username
FROM added
