-- One statement, hence one snapshot: rows, total and materialization always belong together.
--
-- A row of the mart is a group by transaction, product and sale date already: its unique index
-- lets a transaction appear once for each date. Nothing is computed here but the text to send.
--
-- Executed without being prepared: the planner then knows the values, drops the conditions whose
-- parameter is null, and uses the indexes for the others.
WITH selected AS NOT MATERIALIZED (
    SELECT
        product,
        amount AS total_amount,
        price AS avg_price,
        quantity AS total_quantity,
        sale_date,
        transaction_id COLLATE "C" AS transaction_id
    FROM public.pg_sales
    WHERE
        -- By bytes, as the index is ordered: what begins with a prefix lies between two texts.
        -- Counting 14,000 rows takes a third of the time that starts_with() takes.
        (%(first_product)s::text IS NULL OR product ~>=~ %(first_product)s::text) -- noqa: PRS
        AND (%(after_products)s::text IS NULL OR product ~<~ %(after_products)s::text) -- noqa: PRS
        AND (%(start)s::date IS NULL OR sale_date >= %(start)s::date)
        AND (%(end)s::date IS NULL OR sale_date < %(end)s::date)
        AND (%(min_amount)s::numeric IS NULL OR amount >= %(min_amount)s::numeric)
        AND (%(max_quantity)s::bigint IS NULL OR quantity <= %(max_quantity)s::bigint)
        AND (%(min_avg_price)s::numeric IS NULL OR price >= %(min_avg_price)s::numeric)
        AND (%(max_avg_price)s::numeric IS NULL OR price <= %(max_avg_price)s::numeric)
),

page AS (
    SELECT *
    FROM selected
    ORDER BY {sort_columns}
    LIMIT %(limit)s OFFSET %(skipped_rows)s
),

encoded AS (
    SELECT
        count(*) AS row_count,
        convert_to(
            '['
            || coalesce(
                string_agg(
                    format(
                        '{{"product":%%s,"sale_month":"%%s","total_amount":%%s,"avg_price":%%s,'
                        '"total_quantity":%%s,"transaction_count":1,'
                        '"transaction_id":%%s,"sale_date":%%s}}',
                        to_json(product),
                        to_char(sale_date, 'YYYY-MM-01'),
                        round(total_amount, 2),
                        round(avg_price, 2),
                        total_quantity,
                        to_json(transaction_id),
                        to_json(sale_date)
                    ),
                    ','
                ),
                ''
            )
            || ']',
            'UTF8'
        ) AS json_rows
    FROM page
)

SELECT
    encoded.json_rows,
    encoded.row_count,
    held.materialization_id,
    held.materialized_at,
    CASE
        -- Neither is evaluated where the one before it applies.
        WHEN %(unfiltered)s THEN held.row_count -- noqa: RF02
        WHEN held.materialization_id = %(known_id)s THEN %(known_total)s::bigint -- noqa: RF02
        ELSE (SELECT count(*) FROM selected)
    END AS total
FROM public.mart_versions AS held
CROSS JOIN encoded
WHERE held.mart = 'pg_sales';
