"""What a person reads when the application can't start."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from txn_platform.errors import PlatformError

FAILED = "lifespan.startup.failed"


class StartErrors:
    """Tells the server a platform error's message and remedy, on one line, for its log.

    Otherwise that is the traceback, which helps nobody where a setting is wrong. Any other error
    is a defect and keeps its traceback.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on but the report of a failed start."""
        if scope["type"] == "lifespan":
            await self._start(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _start(self, scope: Scope, receive: Receive, send: Send) -> None:
        report: Message | None = None

        async def hold_report(message: Message) -> None:
            nonlocal report
            if message["type"] == FAILED:
                report = message  # The error itself comes after it.
            else:
                await send(message)

        try:
            await self._app(scope, receive, hold_report)
        except BaseException as error:
            if report is not None:
                if isinstance(error, PlatformError):
                    report = {"type": FAILED, "message": _on_one_line(error)}
                await send(report)
            raise


def _on_one_line(error: PlatformError) -> str:
    return " ".join(f"{error.message.rstrip('.')}. {error.remedy}".split())
