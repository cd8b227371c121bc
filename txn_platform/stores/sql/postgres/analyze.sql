ANALYZE transactions;
