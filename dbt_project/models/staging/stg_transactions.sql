{{ config(materialized='view', schema=var('warehouse_dataset')) }}

select
    transaction_id,
    product,
    cast(price as {{ money_type() }}) as price,
    quantity,
    cast(price * quantity as {{ money_type() }}) as amount,
    date as sale_date
from {{ source('raw', 'raw_transactions') }}
where {{ is_eligible() }}
