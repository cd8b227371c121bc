{# The first day of a date's month, as a DATE: DuckDB's date_trunc() gives a TIMESTAMP. #}
{% macro month_start(column) -%}
    {{ adapter.dispatch('month_start')(column) }}
{%- endmacro %}

{% macro default__month_start(column) -%}
    cast(date_trunc('month', {{ column }}) as date)
{%- endmacro %}

{% macro bigquery__month_start(column) -%}
    cast(date_trunc({{ column }}, month) as date)
{%- endmacro %}
