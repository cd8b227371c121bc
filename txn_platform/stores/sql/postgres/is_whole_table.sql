SELECT
    NOT EXISTS (
        SELECT FROM transactions
        WHERE date < %(start)s
    )
    AND NOT EXISTS (
        SELECT FROM transactions
        WHERE date >= %(end)s
    ) AS whole;
