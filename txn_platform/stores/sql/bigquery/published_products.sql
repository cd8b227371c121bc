-- Of one month. No sales at all are one row without a product.
WITH version AS (
    SELECT DISTINCT
        materialization_id,
        materialized_at
    FROM {relation}
)

SELECT
    sales.product,
    sales.total_amount,
    sales.avg_price,
    sales.total_quantity,
    sales.transaction_count,
    version.materialization_id,
    version.materialized_at
FROM version
LEFT JOIN {relation} AS sales
    ON
        version.materialization_id = sales.materialization_id
        AND sales.sale_month = @month
ORDER BY sales.total_amount DESC, sales.product ASC;
