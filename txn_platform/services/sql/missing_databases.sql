SELECT wanted.name
FROM unnest(%(names)s::text[]) AS wanted (name)
WHERE NOT EXISTS (
    SELECT 1
    FROM pg_catalog.pg_database AS present
    WHERE present.datname = wanted.name
)
