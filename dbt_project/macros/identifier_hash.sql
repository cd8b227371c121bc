{# Whether a text is a hashed identifier: 64 lower-case hexadecimal digits. #}
{% macro is_identifier_hash(column) -%}
    {{ adapter.dispatch('is_identifier_hash')(column) }}
{%- endmacro %}

{% macro default__is_identifier_hash(column) -%}
    regexp_full_match({{ column }}, '[0-9a-f]{64}')
{%- endmacro %}

{# Two conditions: PostgreSQL counts repetitions nine times slower than it searches. #}
{% macro postgres__is_identifier_hash(column) -%}
    (length({{ column }}) = 64 and {{ column }} !~ '[^0-9a-f]')
{%- endmacro %}

{% macro bigquery__is_identifier_hash(column) -%}
    regexp_contains({{ column }}, r'^[0-9a-f]{64}$')
{%- endmacro %}
