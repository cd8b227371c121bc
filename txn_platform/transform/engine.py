"""dbt itself: the only module here that imports it, and so the only slow one to import."""

import json
import os
import sys
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from dbt.artifacts.schemas.results import NodeResult
from dbt.artifacts.schemas.run import RunExecutionResult
from dbt.cli.main import dbtRunner, dbtRunnerResult
from dbt.contracts.graph.manifest import Manifest
from dbt_common.events.base_types import EventMsg
from dbt_common.events.functions import msg_to_dict  # pyright: ignore[reportUnknownVariableType]

from txn_platform.transform.binding import bind
from txn_platform.transform.redaction import without_values

DbtEvent = dict[str, Any]
"""An event as `dbt --log-format json` prints it."""

_ONE_AT_A_TIME = threading.Lock()
"""dbt keeps its flags, adapters and callbacks in globals."""


def run_dbt(
    args: Sequence[str],
    *,
    env: Mapping[str, str],
    variables: Mapping[str, object],
    manifest: Manifest | None = None,
    on_event: Callable[[DbtEvent], None] | None = None,
) -> dbtRunnerResult:
    """Run one dbt command and wait for it.

    Args:
        args: The command line, without the vars.
        env: Environment variables that exist for this command only.
        variables: The vars.
        manifest: A parsed project; without it dbt parses.
        on_event: Called with dbt's events from level info on.

    Raises:
        BaseException: whatever interrupted dbt from outside (Ctrl-C, a signal handler). dbt's
            own failures are in the result.
    """
    runner = dbtRunner(manifest=manifest, callbacks=[_forward_to(on_event)] if on_event else [])
    with _ONE_AT_A_TIME, _environment(env):
        result = runner.invoke(  # pyright: ignore[reportUnknownMemberType]
            list(args), vars=dict(variables)
        )
        _release_duckdb()
    if result.exception is not None and not isinstance(result.exception, Exception):
        raise result.exception
    return result


def node_results(result: dbtRunnerResult) -> Sequence[NodeResult]:
    """The models and tests of a run; none where it ended before the first."""
    return result.result.results if isinstance(result.result, RunExecutionResult) else ()


def load_manifest(path: Path, database: str, variables: Mapping[str, object]) -> Manifest:
    """A manifest as dbt's own object, which dbt may be given again and again.

    Args:
        path: A manifest.json.
        database: What dbt calls the database of the store.
        variables: The vars of which names and types are taken.
    """
    return _load(path, path.stat().st_mtime_ns, database, json.dumps(variables, sort_keys=True))


@lru_cache(maxsize=4)
def _load(path: Path, _modified_ns: int, database: str, variables: str) -> Manifest:
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    bind(document, database, json.loads(variables))
    return Manifest.from_dict(document)  # pyright: ignore[reportUnknownMemberType]


def _forward_to(on_event: Callable[[DbtEvent], None]) -> Callable[[EventMsg], None]:
    def forward(message: EventMsg) -> None:
        if message.info.level == "debug":
            return
        event = cast(DbtEvent, msg_to_dict(message))
        on_event(event if message.info.level == "info" else _without_values(event))

    return forward


def _without_values(event: DbtEvent) -> DbtEvent:
    """The event with its texts masked; `node_info` only names things."""
    data = {
        key: without_values(value) if isinstance(value, str) else value
        for key, value in event["data"].items()
    }
    return {"info": event["info"] | {"msg": without_values(event["info"]["msg"])}, "data": data}


def _release_duckdb() -> None:
    """Close the file that dbt-duckdb would keep open, and locked, until the process ends."""
    module = sys.modules.get("dbt.adapters.duckdb.connections")
    manager = module.DuckDBConnectionManager if module else None
    if manager is not None and manager._ENV is not None:  # noqa: SLF001 - env() raises instead
        manager.env().close()
        manager.close_all_connections()


@contextmanager
def _environment(extra: Mapping[str, str]) -> Generator[None]:
    """Set environment variables, and afterwards leave them as they were."""
    before = {name: os.environ.get(name) for name in extra}
    os.environ.update(extra)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
