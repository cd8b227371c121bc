INSERT INTO landed_rows (outcome, row_count)
SELECT
    landed.outcome,
    landed.row_count
FROM unnest(%(outcomes)s::text[], %(rows)s::bigint[]) AS landed (outcome, row_count);
