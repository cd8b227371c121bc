SELECT pg_advisory_xact_lock(hashtext('txn_platform.api_tables'));

CREATE TABLE IF NOT EXISTS api.users (
    username text COLLATE "C" PRIMARY KEY,
    password_hash text NOT NULL,
    scopes text[] NOT NULL,
    disabled boolean NOT NULL DEFAULT FALSE,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS api.sessions (
    session_id text COLLATE "C" PRIMARY KEY,
    username text COLLATE "C" NOT NULL REFERENCES api.users ON DELETE CASCADE,
    scopes text[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz
);

CREATE INDEX IF NOT EXISTS sessions_username ON api.sessions (username);
CREATE INDEX IF NOT EXISTS sessions_expires_at ON api.sessions (expires_at);
CREATE INDEX IF NOT EXISTS sessions_revoked_at ON api.sessions (revoked_at)
WHERE revoked_at IS NOT NULL;

-- A used one stays until it expires: whoever shows it again has stolen it, or was stolen from.
CREATE TABLE IF NOT EXISTS api.refresh_tokens (
    token_hash bytea PRIMARY KEY,
    session_id text COLLATE "C" NOT NULL REFERENCES api.sessions ON DELETE CASCADE,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);

CREATE INDEX IF NOT EXISTS refresh_tokens_session_id ON api.refresh_tokens (session_id);
CREATE INDEX IF NOT EXISTS refresh_tokens_expires_at ON api.refresh_tokens (expires_at);

-- Keyed by a code of user name and client: people type passwords into the wrong field.
CREATE TABLE IF NOT EXISTS api.login_failures (
    attempt_key bytea PRIMARY KEY,
    failures integer NOT NULL,
    last_failure_at timestamptz NOT NULL
);

CREATE TABLE IF NOT EXISTS api.audit_log (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    event_name text NOT NULL,
    username text COLLATE "C",
    client text NOT NULL,
    request_id text NOT NULL
);

CREATE INDEX IF NOT EXISTS audit_log_recorded_at ON api.audit_log (recorded_at);

-- Counters are worth nothing after a crash, so they needn't be logged.
CREATE UNLOGGED TABLE IF NOT EXISTS api.rate_counters (
    key text COLLATE "C" PRIMARY KEY,  -- noqa: RF04
    expires_at timestamptz NOT NULL,
    hits bigint NOT NULL
);
