from hypothesis import settings

# The first call, which loads a plugin, takes a hundred times as long as the next: no deadline.
settings.register_profile("ingest", deadline=None)
settings.load_profile("ingest")
