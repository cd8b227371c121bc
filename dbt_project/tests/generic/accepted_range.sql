{# Rows whose value lies below `minimum` or above `maximum`; both ends are accepted. #}
{% test accepted_range(model, column_name, minimum=none, maximum=none) %}
select {{ column_name }}
from {{ model }}
where
    false
    {%- if minimum is not none %}
    or {{ column_name }} < cast('{{ minimum }}' as {{ money_type() }})
    {%- endif %}
    {%- if maximum is not none %}
    or {{ column_name }} > cast('{{ maximum }}' as {{ money_type() }})
    {%- endif %}
{% endtest %}
