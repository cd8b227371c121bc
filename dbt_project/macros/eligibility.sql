{#
  The business tier of the input rules: which raw rows belong in the marts. Written once, for
  the warehouse and for PostgreSQL. `max_decimals` is about the number: 10.500 has one decimal.
#}
{% macro is_eligible() -%}
    starts_with(product, {{ text_literal(var('product_prefix')) }})
    and price >= cast('{{ var("min_price") }}' as {{ money_type() }})
    and price > 0
    and price = round(price, {{ var('max_decimals') }})
    and quantity between 1 and {{ var('max_quantity') }}
{%- endmacro %}


{# A string constant that means exactly `value`, whatever is in it. #}
{% macro text_literal(value) -%}
    {{ adapter.dispatch('text_literal')(value) }}
{%- endmacro %}

{% macro default__text_literal(value) -%}
    '{{ value | replace("'", "''") }}'
{%- endmacro %}

{% macro bigquery__text_literal(value) -%}
    '{{ value | replace("\\", "\\\\") | replace("'", "\\'") | replace("\n", "\\n") | replace("\r", "\\r") }}'
{%- endmacro %}
