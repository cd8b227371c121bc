-- Rows that someone else is counting in or clearing away are left: nobody waits for this.
DELETE FROM api.rate_counters
WHERE key IN (
    SELECT counter.key
    FROM api.rate_counters AS counter
    WHERE counter.expires_at <= now()
    FOR UPDATE SKIP LOCKED
);
