"""The application: `uvicorn --factory api.main:create_app`."""

from fastapi import FastAPI

from api.health import router as health


def create_app() -> FastAPI:
    """Assemble the routes."""
    app = FastAPI(title="txn_platform", summary="Sales marts over HTTP.", version="1")
    app.include_router(health)
    return app
