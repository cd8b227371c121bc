DROP INDEX IF EXISTS transactions_key;

TRUNCATE transactions;
