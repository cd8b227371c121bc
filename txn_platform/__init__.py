"""Sharia-compliant transaction data platform, modelled as Dagster assets."""
