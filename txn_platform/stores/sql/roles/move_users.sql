-- Where earlier versions kept them. No copy of the hashes stays behind.
DO $$
BEGIN
    IF to_regclass('public.api_users') IS NOT NULL THEN
        INSERT INTO api.users (username, password_hash, scopes, disabled, created_at)
        SELECT username, password_hash, scopes, disabled, created_at
        FROM public.api_users
        ON CONFLICT (username) DO NOTHING;
        DROP TABLE public.api_users;
    END IF;
END
$$
