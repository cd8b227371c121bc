-- Roles belong to the whole server, the lock to one database: another one may come first.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'mart_reader') THEN
        CREATE ROLE mart_reader NOLOGIN;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;
END
$$;

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {role_name}) THEN
        CREATE ROLE {role};
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;
END
$$;

DO $$
BEGIN
    ALTER ROLE {role} LOGIN PASSWORD {verifier};
END
$$;

ALTER ROLE {role} SET search_path TO api, public;
ALTER ROLE {role} SET statement_timeout TO '30s';
ALTER ROLE {role} SET lock_timeout TO '10s';
ALTER ROLE {role} SET idle_in_transaction_session_timeout TO '60s';
GRANT mart_reader TO {role};
