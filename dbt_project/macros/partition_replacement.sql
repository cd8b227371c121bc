{#
  Make the window of `target` hold exactly the rows of `source`, in one transaction. dbt's own
  delete+insert deletes by key, so a row that is no longer in the source would stay.
#}
{% macro partition_replacement(target, source, columns) -%}
    {{ adapter.dispatch('partition_replacement')(target, source, columns) }}
{%- endmacro %}

{# Two statements: dbt runs both in the transaction of the model. #}
{% macro default__partition_replacement(target, source, columns) -%}
    delete from {{ target }} where {{ in_window('sale_date') }};
    insert into {{ target }} ({{ columns }}) select {{ columns }} from {{ source }}
{%- endmacro %}

{# One statement, since BigQuery commits each: the rows of the window that the source does not
   match (none do) go, the source's come. Only the window's partitions are read and billed. #}
{% macro bigquery__partition_replacement(target, source, columns) -%}
    merge into {{ target }}
    using {{ source }}
    on false
    when not matched by source and {{ in_window('sale_date') }} then delete
    when not matched then insert ({{ columns }}) values ({{ columns }})
{%- endmacro %}


{# The incremental strategy `partition_replacement` of DuckDB and PostgreSQL. #}
{% macro get_incremental_partition_replacement_sql(arg_dict) -%}
    {{ return(partition_replacement(
        arg_dict['target_relation'],
        arg_dict['temp_relation'],
        get_quoted_csv(arg_dict['dest_columns'] | map(attribute='name'))
    )) }}
{%- endmacro %}

{# BigQuery accepts no strategy of one's own, so `merge` is given this meaning; its
   insert_overwrite takes its partitions from a config block, which does not see the vars. #}
{% macro bigquery__get_merge_sql(target, source, unique_key, dest_columns, incremental_predicates=none) -%}
    {{ return(partition_replacement(
        target, source, get_quoted_csv(dest_columns | map(attribute='name'))
    )) }}
{%- endmacro %}

{% macro partition_replacement_strategy() -%}
    {{ return('merge' if target.type == 'bigquery' else 'partition_replacement') }}
{%- endmacro %}
