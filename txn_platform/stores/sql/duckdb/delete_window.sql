DELETE FROM {raw_table}
WHERE date >= $start AND date < $end;
