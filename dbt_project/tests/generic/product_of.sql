{# Rows whose value is not exactly the product of two other columns. #}
{% test product_of(model, column_name, factors) %}
select {{ column_name }}
from {{ model }}
where {{ column_name }} <> {{ factors | join(' * ') }}
{% endtest %}
