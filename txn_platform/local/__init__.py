"""The local profile as a whole: state directory, services, Dagster instance, runs."""
