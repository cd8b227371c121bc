{{ config(
    materialized='incremental',
    incremental_strategy=partition_replacement_strategy(),
    on_schema_change='fail',
    post_hook='{{ record_mart_version() }}',
    indexes=[
        {'columns': ['sale_date', 'transaction_id collate "C"'], 'unique': true},
        {'columns': ['product text_pattern_ops', 'sale_date']},
    ]
) }}

select
    transaction_id,
    product,
    cast(price as {{ var('operational_price_type') }}) as price,
    quantity,
    cast(price * quantity as {{ var('operational_amount_type') }}) as amount,
    date as sale_date
from {{ source('raw', 'raw_transactions') }}
where {{ is_eligible() }} and {{ in_window('date') }}
