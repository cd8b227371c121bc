"""Files of transactions that come in over HTTP."""
