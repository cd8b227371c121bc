{#
  Post-hook of an operational mart, in the transaction that replaces its rows: readers see new
  rows and the new id together, or neither. The table is the platform's; it is created here for
  a database that only dbt has ever worked on.

  A full refresh makes the table anew and loses its grants, hence the last statement. What the
  role has already is not granted again: two grants at once would trip over each other.
#}
{% macro record_mart_version() -%}
create table if not exists {{ this.schema }}.mart_versions (
    mart text primary key,
    materialization_id text not null,
    materialized_at timestamptz not null,
    row_count bigint not null
);

insert into {{ this.schema }}.mart_versions (mart, materialization_id, materialized_at, row_count)
select '{{ this.identifier }}', gen_random_uuid()::text, now(), count(*)
from {{ this }}
on conflict (mart) do update set
    materialization_id = excluded.materialization_id,
    materialized_at = excluded.materialized_at,
    row_count = excluded.row_count;

do $$
begin
    if exists (select from pg_roles where rolname = 'mart_reader') then
        if not has_table_privilege('mart_reader', '{{ this }}', 'select') then
            grant select on {{ this }} to mart_reader;
        end if;
    end if;
end
$$
{%- endmacro %}
