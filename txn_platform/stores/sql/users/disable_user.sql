WITH disabled AS (
    UPDATE api.users
    SET disabled = TRUE
    WHERE username = %(username)s
    RETURNING username
),

recorded AS (
    INSERT INTO api.audit_log (event_name, username, client, request_id)
    SELECT
        'user_disabled' AS event_name,
        username,
        'command line' AS client,
        '' AS request_id
    FROM disabled
)

SELECT username
FROM disabled
