-- Of each transaction the row of the batch that comes last in %(batches)s.
INSERT INTO transactions (transaction_id, product, price, quantity, date, batch_id)
SELECT DISTINCT ON (incoming.date, incoming.transaction_id)
    incoming.transaction_id,
    incoming.product,
    incoming.price,
    incoming.quantity,
    incoming.date,
    incoming.batch_id
FROM incoming
INNER JOIN unnest(%(batches)s::text[]) WITH ORDINALITY AS landed (batch_id, landing)
    ON incoming.batch_id = landed.batch_id
ORDER BY incoming.date ASC, incoming.transaction_id ASC, landed.landing DESC;
