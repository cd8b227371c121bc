"""What is known about the marts: row counts, dependencies, freshness, checks."""
