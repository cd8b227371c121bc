DELETE FROM api.rate_counters
WHERE key = %(key)s;
