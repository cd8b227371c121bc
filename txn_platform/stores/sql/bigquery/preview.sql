SELECT *
FROM {relation}
WHERE {date_column} >= @start AND {date_column} < @end
ORDER BY {date_column}, {key_column}
LIMIT @limit;
