SELECT count(*) > 0
FROM information_schema.tables
WHERE
    table_catalog = current_database()
    AND table_schema = $dataset
    AND table_name = $name;
