{#
  Money in computations: 29 digits before the point, 9 after. The largest eligible price has 12
  digits before the point and the largest quantity 10, so an amount has at most 22, and ten
  million such amounts still add up exactly.
#}
{% macro money_type() -%}
    {{ adapter.dispatch('money_type')() }}
{%- endmacro %}

{# Also NUMERIC(38, 9) when left bare in BigQuery, where a cast to a parameterised type is not
   allowed everywhere; bare in DuckDB it would be DECIMAL(18, 3). #}
{% macro default__money_type() -%}
    decimal(38, 9)
{%- endmacro %}

{% macro bigquery__money_type() -%}
    numeric
{%- endmacro %}


{#
  sum / count of positive amounts, rounded half up to two decimals, by integer division of exact
  numbers. DuckDB's avg() and `/` give DOUBLE; BigQuery's avg() rounds to nine decimals first,
  so that rounding again can differ by a cent.
#}
{% macro average_money(total, number) -%}
    {{ adapter.dispatch('average_money')(total, number) }}
{%- endmacro %}

{# trunc() has nothing left to do in BigQuery; the DIV of its emulator leaves decimals. #}
{% macro default__average_money(total, number) -%}
    trunc(div(({{ total }} * 200 + {{ number }}), ({{ number }} * 2))) * numeric '0.01'
{%- endmacro %}

{# In millionths, since prices have at most six decimals: DuckDB divides integers only. #}
{% macro duckdb__average_money(total, number) -%}
    cast(
        (cast({{ total }} * 1000000 as hugeint) * 2 + {{ number }} * 10000)
        // ({{ number }} * 20000)
        as decimal(38, 0)
    ) * 0.01
{%- endmacro %}
