{{ config(
    materialized='incremental',
    incremental_strategy=partition_replacement_strategy(),
    on_schema_change='fail',
    schema=var('mart_dataset'),
    partition_by={'field': 'sale_date', 'data_type': 'date'} if target.type == 'bigquery' else none,
    cluster_by=['product'] if target.type == 'bigquery' else none
) }}

select
    transaction_id,
    product,
    price,
    quantity,
    amount,
    sale_date
from {{ ref('stg_transactions') }}
where {{ in_window('sale_date') }}
