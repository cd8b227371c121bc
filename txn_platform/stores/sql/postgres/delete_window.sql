DELETE FROM transactions
WHERE date >= %(start)s AND date < %(end)s;
