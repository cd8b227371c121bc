"""`make bench`: engine and API beside what they are measured against, and swaps under load."""

import sys

from txn_platform_tests.bench import api, ingest, schema, swap

PARTS = {"ingest": ingest.main, "api": api.main, "swap": swap.main, "schema": schema.main}

if __name__ == "__main__":
    chosen = [name for name in PARTS if name in sys.argv[1:2]]
    if chosen:
        del sys.argv[1]
    for name in chosen or PARTS:
        PARTS[name]()
