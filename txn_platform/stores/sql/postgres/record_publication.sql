INSERT INTO mart_versions (mart, materialization_id, materialized_at, row_count)
VALUES ('summary_sales', %(materialization_id)s, %(materialized_at)s, %(summary_rows)s)
ON CONFLICT (mart) DO UPDATE SET
    materialization_id = excluded.materialization_id,
    materialized_at = excluded.materialized_at,
    row_count = excluded.row_count;
