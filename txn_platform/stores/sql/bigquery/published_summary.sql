-- One page, each row with the materialization and the number of rows on all pages. An empty page is
-- one row without a product, which still tells both; only an empty table gives no row at all.
-- Of the two forms of a sort key, the one in the direction that is not wanted is always NULL.
WITH matching AS (
    SELECT
        product,
        sale_month,
        total_amount,
        avg_price,
        total_quantity,
        transaction_count,
        materialization_id,
        ROW_NUMBER() OVER (
            ORDER BY
                IF(@descending_1, NULL, {key_1}), IF(@descending_1, {key_1}, NULL) DESC,
                IF(@descending_2, NULL, {key_2}), IF(@descending_2, {key_2}, NULL) DESC,
                IF(@descending_3, NULL, {key_3}), IF(@descending_3, {key_3}, NULL) DESC,
                IF(@descending_4, NULL, {key_4}), IF(@descending_4, {key_4}, NULL) DESC,
                IF(@descending_5, NULL, {key_5}), IF(@descending_5, {key_5}, NULL) DESC,
                IF(@descending_6, NULL, {key_6}), IF(@descending_6, {key_6}, NULL) DESC
        ) AS position
    FROM {relation}
    WHERE
        product >= @prefix
        AND (@prefix_end IS NULL OR product < @prefix_end)
        AND sale_month >= @first_month
        AND sale_month <= @last_month
        AND (@min_amount IS NULL OR total_amount >= @min_amount)
        AND (@max_quantity IS NULL OR total_quantity <= @max_quantity)
        AND (@min_avg_price IS NULL OR avg_price >= @min_avg_price)
        AND (@max_avg_price IS NULL OR avg_price <= @max_avg_price)
),

version AS (
    SELECT DISTINCT
        materialization_id,
        materialized_at
    FROM {relation}
)

SELECT
    page.product,
    page.sale_month,
    page.total_amount,
    page.avg_price,
    page.total_quantity,
    page.transaction_count,
    version.materialization_id,
    version.materialized_at,
    (SELECT COUNT(*) FROM matching) AS total
FROM version
LEFT JOIN matching AS page
    ON
        version.materialization_id = page.materialization_id
        AND page.position > @offset
        AND page.position <= @offset + @limit
ORDER BY page.position;
