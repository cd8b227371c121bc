-- The role of those who only read may see the operational mart and what the platform says about
-- itself, nothing else. What it may read already is not granted again: two grants at once on
-- one table would trip over each other.
DO $$
DECLARE
    readable text;
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'mart_reader') THEN
        FOR readable IN
            SELECT relname FROM pg_class
            WHERE relnamespace = 'public'::regnamespace
                AND relname IN (
                    'pg_sales', 'mart_versions', 'asset_materializations',
                    'check_results', 'landed_rows'
                )
                AND NOT has_table_privilege('mart_reader', oid, 'SELECT')
        LOOP
            EXECUTE format('GRANT SELECT ON public.%I TO mart_reader', readable);
        END LOOP;
    END IF;
END
$$;
