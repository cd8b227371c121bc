-- By the server's clock alone: neither its difference to another one nor a pause of that one may
-- hide a revocation. A minute of overlap, since one is dated before its transaction commits.
SELECT
    now() AS as_of,
    array(
        SELECT session_id
        FROM api.sessions
        WHERE
            revoked_at
            > coalesce(%(as_of)s::timestamptz, now() - make_interval(secs => %(longest)s))
            - interval '1 minute'
        UNION ALL
        SELECT logins.session_id
        FROM api.users AS owners
        INNER JOIN api.sessions AS logins ON owners.username = logins.username
        WHERE owners.disabled AND logins.revoked_at IS NULL
    ) AS ended
