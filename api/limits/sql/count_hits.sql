INSERT INTO api.rate_counters AS counter (key, expires_at, hits) -- noqa: RF04
VALUES (%(key)s, now() + make_interval(secs => %(seconds)s), %(hits)s)
ON CONFLICT (key) DO UPDATE
    SET
        hits = CASE
            WHEN counter.expires_at > now() THEN counter.hits + excluded.hits
            ELSE excluded.hits
        END,
        expires_at = CASE
            WHEN counter.expires_at > now() THEN counter.expires_at
            ELSE excluded.expires_at
        END
RETURNING hits, extract(EPOCH FROM expires_at - now())::double precision AS seconds_left;
