SELECT *
FROM {relation}
WHERE {date_column} >= %(start)s AND {date_column} < %(end)s
ORDER BY {date_column}, {key_column}
LIMIT %(limit)s;
