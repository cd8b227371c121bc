"""The upload route for a server process: the lake lies in the state directory."""

from fastapi import FastAPI

from txn_platform.settings import load_settings
from txn_platform.stores.factory import open_lake
from txn_platform_tests.api.ingest.support import build_app


def create_app() -> FastAPI:
    settings = load_settings()
    return build_app(open_lake(settings), settings)
