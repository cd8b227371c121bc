DO $$
BEGIN
    IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        REVOKE {role} FROM CURRENT_USER;
    END IF;
END
$$
