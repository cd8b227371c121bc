{{ config(materialized='view', schema=var('mart_dataset')) }}

select
    product,
    sale_date,
    cast(sum(amount) as {{ money_type() }}) as total_amount,
    cast({{ average_money('sum(price)', 'count(*)') }} as {{ money_type() }}) as avg_price,
    cast(sum(quantity) as int64) as total_quantity,
    count(*) as transaction_count
from {{ ref('fact_sales') }}
group by 1, 2
