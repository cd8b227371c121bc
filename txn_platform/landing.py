"""Land one file: validate and hash it, and seal it in the lake, once and only once."""

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from txn_platform.errors import ConfigurationError, InputFileError
from txn_platform.ingest.batch import Manifest
from txn_platform.ingest.landing import batch_id_of, check_header, stage
from txn_platform.ingest.rules import IngestRules
from txn_platform.ingest.source import Source
from txn_platform.stores.ports import Lake

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Landing:
    """What became of one file.

    Attributes:
        name: The file's name as it was given now.
        manifest: The account of its batch; under the name with which it was landed first.
        already_there: True when a file with the same bytes had been landed before.
    """

    name: str
    manifest: Manifest
    already_there: bool


def check_inputs(paths: list[Path]) -> None:
    """Refuse unusable files before anything is written.

    Raises:
        InputFileError: naming every file that can't be read or lacks a column.
    """
    problems: list[InputFileError] = []
    for path in paths:
        try:
            with open_input(path) as source:
                check_header(source, name=path.name)
        except InputFileError as error:
            problems.append(error)
    if problems:
        raise InputFileError(
            "\n".join(problem.message for problem in problems), remedy=problems[0].remedy
        )


def land(path: Path, lake: Lake, rules: IngestRules, progress: Progress | None = None) -> Landing:
    """Validate, hash and store one file, unless its bytes are in the lake already.

    Raises:
        InputFileError: when the file as a whole is refused; nothing of it is stored.
        ConfigurationError: when the lake's identifiers were hashed under another key.
        StoreError: when the lake can't be written.
    """
    with open_input(path) as source:
        _refuse_other_hashing(lake, rules)
        # Reading a file twice costs a fiftieth of staging it, which a known one is spared.
        known = lake.manifest(batch_id_of(source, name=str(path)))
        if known is not None:
            return Landing(path.name, known, already_there=True)
        source.seek(0)
        return _stage_and_commit(source, path.name, lake, rules, progress)


def land_stream(source: Source, *, name: str, lake: Lake, rules: IngestRules) -> Landing:
    """As `land`, of bytes that come by only once; nothing of them is kept but hashed rows.

    Args:
        source: The blocks of an upload. What their iterator raises ends the landing, and nothing
            is stored then.
        name: The file's name, for the manifest and for errors.
        lake: Where it goes.
        rules: What decides about a row.

    Raises:
        InputFileError: when the file as a whole is refused; nothing of it is stored.
        ConfigurationError: when the lake's identifiers were hashed under another key.
        StoreError: when the lake can't be written.
    """
    _refuse_other_hashing(lake, rules)
    return _stage_and_commit(source, name, lake, rules)


def _stage_and_commit(
    source: Source, name: str, lake: Lake, rules: IngestRules, progress: Progress | None = None
) -> Landing:
    with lake.staging_folder() as folder:
        staged = stage(source, name=name, rules=rules, folder=folder, on_progress=progress)
        known = lake.manifest(staged.manifest.batch_id)
        return Landing(name, known or lake.commit(staged), already_there=known is not None)


def _refuse_other_hashing(lake: Lake, rules: IngestRules) -> None:
    """Under two keys a transaction that comes again would count twice."""
    if any(manifest.hashing != rules.hashing for manifest in lake.manifests()):
        raise ConfigurationError(
            "PII_HASH_KEY: is not the one under which the lake's identifiers were hashed",
            remedy="Set it as it was; or start afresh (`run --fresh`) and land every file again.",
        )


def in_landing_order(paths: list[Path]) -> list[Path]:
    """By name, each once, whatever order they were given in.

    Of files that hold the same transaction the later batch wins, so the order must not depend on
    how a shell expands a pattern.
    """
    return sorted(set(paths), key=lambda path: (path.name, str(path)))


def open_input(path: Path) -> BufferedReader:
    """The file, opened for reading bytes.

    Raises:
        InputFileError: when it is missing, not a regular file, not readable, or has a name that
            can't be written down.
    """
    _require_utf8(path)
    try:
        # Before open(), which would wait for whoever writes to a pipe.
        _require_regular(path, path.stat().st_mode)
        source = path.open("rb")
    except FileNotFoundError as error:
        raise InputFileError(f"{path}: no such file", remedy="Check the path.") from error
    except IsADirectoryError as error:
        raise InputFileError(
            f"{path}: is a folder", remedy="Give the CSV files in it, one --input each."
        ) from error
    except OSError as error:
        raise InputFileError(
            f"{path}: can't be read: {error.strerror}", remedy="Check its permissions."
        ) from error
    try:
        _require_regular(path, os.fstat(source.fileno()).st_mode)
    except InputFileError:
        source.close()
        raise
    return source


def _require_utf8(path: Path) -> None:
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        shown = os.fsencode(path).decode(errors="replace")
        raise InputFileError(
            f"{shown}: the name of the file is not UTF-8 text", remedy="Rename the file."
        ) from error


def _require_regular(path: Path, mode: int) -> None:
    """A file is read more than once; a pipe or a device gives its bytes only once, or forever."""
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise InputFileError(
            f"{path}: is a pipe or a device, not a file", remedy="Save it to a file first."
        )
