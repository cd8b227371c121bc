{# Values that are neither empty nor a hashed identifier. #}
{% test identifier_hash(model, column_name) %}
select {{ column_name }}
from {{ model }}
where {{ column_name }} <> '' and not {{ is_identifier_hash(column_name) }}
{% endtest %}
