-- Materialised, ordered by what readers filter on: the file is read often and written once.
CREATE SCHEMA {published_dataset};

CREATE TABLE {published_fact_sales} AS
SELECT * FROM {fact_sales}
ORDER BY sale_date, product;

CREATE TABLE {published_summary_sales} AS
SELECT * FROM {summary_sales}
ORDER BY sale_month, product;

CREATE TABLE {published_summary_sales_daily} AS
SELECT * FROM {summary_sales_daily}
ORDER BY sale_date, product;
