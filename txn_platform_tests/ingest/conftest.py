from hypothesis import settings

# A first call that loads a plugin takes a hundred times as long as the next: no deadline by example.
settings.register_profile("ingest", deadline=None)
settings.load_profile("ingest")
