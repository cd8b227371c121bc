SELECT
    date,
    count(*) AS rows
FROM {raw_table}
WHERE date >= $start AND date < $end
GROUP BY date;
