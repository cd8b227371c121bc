SELECT
    date,
    count(*)
FROM {raw_table}
WHERE date >= $start AND date < $end
GROUP BY date;
