-- Held until the transaction ends: one writer at a time, and readers never wait.
SELECT pg_advisory_xact_lock(hashtextextended('txn_platform.transactions', 0));
