"""The Dagster definitions: thin assets, checks and automation over the layers below."""
