"""The sales marts over HTTP: filters, pages, caching, conditional answers."""
