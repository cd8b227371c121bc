"""`POST /api/v1/ingest`: a file of transactions in, its account out."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from api.auth.dependencies import requires
from api.auth.principal import Principal
from api.ingest.answers import Landed, NothingValid, account, error_responses, request_body
from api.ingest.landing import Landings
from api.ingest.upload import Upload
from api.limits.dependencies import limited
from api.services import ServicesDep
from txn_platform.settings import Settings

PATH = "/api/v1/ingest"
ALIAS = "/ingest"


def ingest_paths(settings: Settings) -> tuple[str, ...]:
    """The path of the upload, then its aliases; the last is the configuration's."""
    configured = settings.config.ingestion.fastapi_endpoint
    return tuple(dict.fromkeys((PATH, ALIAS, configured)))


def build_router(settings: Settings) -> APIRouter:
    """The upload under its path and, undocumented, its aliases."""
    landings = Landings(settings)

    async def ingest(
        request: Request,
        services: ServicesDep,
        principal: Annotated[Principal, requires("ingest:write")],  # noqa: ARG001 - for its check
    ) -> JSONResponse:
        """Land a CSV file of transactions.

        Its valid rows are hashed and stored by sale date; the others are counted by reason and
        kept, masked. Within a minute or so the marts show them. Sending a file again changes
        nothing. Nothing is stored of a file that is cut off or refused as a whole.
        """
        upload = Upload(request, settings.config.api.max_upload_bytes)
        landing = await landings.land(upload, services.lake)
        request.state.result_count = landing.manifest.accepted
        counted = account(landing.manifest)
        if landing.manifest.accepted == 0:
            nothing = NothingValid(**counted)
            return JSONResponse(nothing.model_dump(), HTTPStatus.UNPROCESSABLE_ENTITY)
        landed = Landed(**counted, already_there=landing.already_there)
        return JSONResponse(landed.model_dump())

    router = APIRouter(tags=["ingest"])
    for path in ingest_paths(settings):
        router.add_api_route(
            path,
            ingest,
            methods=["POST"],
            summary="Upload transactions",
            response_model=Landed,
            responses=error_responses(),
            dependencies=[limited("ingest")],
            openapi_extra={"requestBody": request_body()},
            include_in_schema=path == PATH,
        )
    return router
