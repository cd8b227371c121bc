{#
  Rows without their counterpart in another table on the same date. Both sides are read in the
  window only, where dbt's own `relationships` would scan the parent whole.
#}
{% test relationships_by_date(model, column_name, to, field, to_date) %}
with
child as (
    select {{ column_name }} as value, sale_date
    from {{ model }}
),

parent as (
    select {{ field }} as value, {{ to_date }} as sale_date
    from {{ to }}
    where {{ in_window(to_date) }}
)

select child.value
from child
left join parent on child.value = parent.value and child.sale_date = parent.sale_date
where parent.value is null
{% endtest %}
