"""From the bytes of a CSV file to a staged batch of hashed, validated rows.

Nothing in here knows of Dagster, of a warehouse or of where the lake lies.
"""
