"""JSON logs, one object a line, from structlog and from the standard library alike."""

import atexit
import json
import logging
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import cast

import orjson
import structlog
from opentelemetry import trace
from structlog.typing import FilteringBoundLogger, Processor

from api.observability.output import LogOutput, RotatedFile, standard_output
from api.observability.redaction import EventDict, describe_exception, redact
from txn_platform.settings import Settings

_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS | orjson.OPT_PASSTHROUGH_DATACLASS

REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")
"""The request that the present task (or a thread that it started) works for."""

_SERVER_LOGGERS = ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi")


class _Logger:
    """What structlog calls with a rendered line: the output, under the names of the levels."""

    def __init__(self, output: LogOutput) -> None:
        self.msg = output.write
        self.debug = self.info = self.warning = self.error = self.critical = self.msg


class _Bridge(logging.Handler):
    """Sends records of the standard library through structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            logger().log(
                min(max(record.levelno // 10 * 10, logging.INFO), logging.CRITICAL),
                record.getMessage().strip(),
                logger=record.name,
                exc_info=record.exc_info,
            )
        except Exception:  # noqa: BLE001 - a log call must never raise
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - overrides
        """Say which call can't be rendered, without its arguments."""
        logger().error("log record can't be rendered", logger=record.name, line=record.lineno)


@cache
def logger() -> FilteringBoundLogger:
    """A logger of structlog, as configured at this moment: get it for each call."""
    return cast("FilteringBoundLogger", structlog.get_logger().bind())


def configure(settings: Settings) -> LogOutput:
    """Set up logging for the whole process; calling it again replaces what was set up before.

    Returns:
        The output; close it when the application ends, so that no line is lost.

    Raises:
        ConfigurationError: when `api.log_file` can't be written.
    """
    path = settings.config.api.log_file
    files = [RotatedFile(Path(path).expanduser())] if path else []
    output = LogOutput(*standard_output(), *files)
    atexit.register(output.close)
    use(output, tracing=settings.otlp_endpoint is not None)
    return output


def use(output: LogOutput, *, tracing: bool = False) -> None:
    """Send every log line of the process to this output.

    Args:
        output: Takes the lines.
        tracing: Name the trace and span in each line.
    """
    processors: list[Processor] = [
        cast("Processor", processor) for processor in _processors(tracing=tracing)
    ]
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=lambda *_: _Logger(output),
    )
    logger.cache_clear()
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, _Bridge)]:
        root.removeHandler(handler)
    root.addHandler(_Bridge())
    # Libraries tell the addresses that they call at INFO, queries included.
    root.setLevel(logging.WARNING)
    logging.getLogger("uvicorn").setLevel(logging.INFO)
    for name in _SERVER_LOGGERS:
        server = logging.getLogger(name)
        server.handlers.clear()
        # The server's access log holds query strings; ours takes its place.
        server.propagate = name != "uvicorn.access"


def _processors(*, tracing: bool) -> list[Callable[[object, str, EventDict], object]]:
    return [
        _add_request_id,
        *([_add_trace] if tracing else []),
        describe_exception,
        redact,
        _render,
    ]


def _add_request_id(_logger: object, _method: str, event: EventDict) -> EventDict:
    if "request_id" not in event and (request_id := REQUEST_ID.get()):
        event["request_id"] = request_id
    return event


def _add_trace(_logger: object, _method: str, event: EventDict) -> EventDict:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = trace.format_trace_id(context.trace_id)
        event["span_id"] = trace.format_span_id(context.span_id)
    return event


def _render(_logger: object, method: str, event: EventDict) -> bytes:
    name = event.pop("event", "")
    line = {"timestamp": datetime.now(UTC), "level": method, "event": name, **event}
    try:
        return orjson.dumps(line, default=_type_name, option=_OPTIONS)
    except TypeError:
        # Half a character, or a number beyond 64 bits: rare, and never a reason to raise.
        line["timestamp"] = str(line["timestamp"])
        text = json.dumps(line, default=_type_name, ensure_ascii=False)
        return text.encode(errors="replace")


def _type_name(value: object) -> str:
    """What is shown of an object: its fields, or its repr(), might be what must not be logged."""
    return f"<{type(value).__qualname__}>"
