-- By month or day, of one product or of all together. The mean is rounded half up to cents by
-- integer division: NUMERIC division rounds to nine decimals first. The tests' emulator leaves
-- decimals, loses track of the arguments and makes a FLOAT64 of it: hence TRUNC, the outer
-- parentheses and CAST. No sales at all are one row without a date.
WITH totals AS (
    SELECT
        {date_column},
        materialization_id,
        CAST(
            TRUNC(
                DIV(
                    (SUM(avg_price * transaction_count) * 200 + SUM(transaction_count)),
                    (SUM(transaction_count) * 2)
                )
            ) * NUMERIC '0.01' AS NUMERIC
        ) AS avg_price,
        SUM(total_amount) AS total_amount,
        SUM(total_quantity) AS total_quantity,
        SUM(transaction_count) AS transaction_count
    FROM {relation}
    WHERE
        {date_column} >= @start
        AND {date_column} < @end
        AND (@product IS NULL OR product = @product)
    GROUP BY {date_column}, materialization_id
),

version AS (
    SELECT DISTINCT
        materialization_id,
        materialized_at
    FROM {relation}
)

SELECT
    totals.{date_column},
    totals.total_amount,
    totals.avg_price,
    totals.total_quantity,
    totals.transaction_count,
    version.materialization_id,
    version.materialized_at
FROM version
LEFT JOIN totals ON version.materialization_id = totals.materialization_id
ORDER BY totals.{date_column};
