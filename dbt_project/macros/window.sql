{#
  The half-open window of sale dates that this run replaces, as a predicate. It reads the vars
  when the SQL is rendered, never in a config block: those keep what they were when parsed.
  A full refresh takes every date, since it replaces the table.
#}
{% macro in_window(column) -%}
    {%- set start = none if should_full_refresh() else var('partition_start') -%}
    {%- set end = none if should_full_refresh() else var('partition_end') -%}
    {%- set bounds = [] -%}
    {%- if start -%}{%- do bounds.append(column ~ " >= cast('" ~ iso_date(start) ~ "' as date)") -%}{%- endif -%}
    {%- if end -%}{%- do bounds.append(column ~ " < cast('" ~ iso_date(end) ~ "' as date)") -%}{%- endif -%}
    {{ bounds | join(' and ') if bounds else 'true' }}
{%- endmacro %}


{% macro iso_date(value) -%}
    {{ modules.datetime.date.fromisoformat(value | string) }}
{%- endmacro %}


{#
  Tests with `where: __window__` look at the window only. The column of the date is sale_date in
  every table that is partitioned.
#}
{% macro get_where_subquery(relation) -%}
    {%- set where = config.get('where', '') -%}
    {%- if not where -%}
        {{ return(relation) }}
    {%- endif -%}
    {%- set predicate = where | replace('__window__', in_window('sale_date')) -%}
    {{ return('(select * from ' ~ relation ~ ' where ' ~ predicate ~ ') as dbt_subquery') }}
{%- endmacro %}
