SELECT pg_advisory_xact_lock(hashtext('txn_platform.roles'))
