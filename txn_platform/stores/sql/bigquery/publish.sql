SELECT
    product,
    {date_column},
    total_amount,
    avg_price,
    total_quantity,
    transaction_count,
    @materialization_id AS materialization_id,
    @materialized_at AS materialized_at
FROM {relation};
