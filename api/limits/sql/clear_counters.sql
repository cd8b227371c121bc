DELETE FROM api.rate_counters;
