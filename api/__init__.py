"""HTTP access to the marts. Stands beside Dagster and never imports it."""
