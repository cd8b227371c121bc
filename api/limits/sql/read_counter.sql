SELECT
    hits,
    extract(EPOCH FROM expires_at - now())::double precision AS seconds_left
FROM api.rate_counters
WHERE key = %(key)s AND expires_at > now();
