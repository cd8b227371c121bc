"""The state directory: everything that the local profile keeps, in one place."""

import json
import os
import shutil
from pathlib import Path

from txn_platform.errors import ConfigurationError

STATE_VERSION = 1
MARKER = "state.json"
OWN_ENTRIES = frozenset(
    {
        "dagster",
        "dbt",
        "dev.lock",
        "exports",
        "lake",
        "postgres",
        "secrets",
        "state.tmp",
        "warehouse",
    }
)
"""What a state directory may hold whose marker isn't written yet, or is deleted already."""

FRESH_REMEDY = "Start afresh with --fresh, or give another directory with --home."


def open_state(home: Path) -> None:
    """Create the directory, or make sure that it is one of this version that can be written.

    Raises:
        ConfigurationError: when it is someone else's, of another version, or not writable.
    """
    marker = home / MARKER
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not marker.exists():
            _refuse_foreign(home)
            _write_marker(marker)
        elif not os.access(home, os.W_OK | os.X_OK):
            raise PermissionError(13, "Permission denied")
        else:
            # Root passes every access test, also on a file system that is mounted read-only.
            marker.touch()
    except OSError as error:
        raise ConfigurationError(
            f"{home}: the state directory can't be written: {error.strerror}",
            remedy="Check its permissions and free space, or give another directory with --home.",
        ) from error
    _check_version(marker)


def is_state(home: Path) -> bool:
    """Whether it is a state directory: by its marker, or by holding a state's entries alone."""
    if (home / MARKER).is_file():
        return True
    return home.is_dir() and any(home.iterdir()) and not _strangers(home)


def remove_state(home: Path) -> None:
    """Delete a state directory; anything else is refused.

    It is set aside first, so that one which is deleted by half is never in the place of a whole
    one. What an earlier, interrupted call had set aside is deleted as well.

    Raises:
        ConfigurationError: when the directory isn't a state directory or can't be deleted.
    """
    aside = home.with_name(f".{home.name}.deleting")
    try:
        if aside.exists():
            shutil.rmtree(aside)
        if is_state(home):
            _refuse_link(home)
            home.rename(aside)
            shutil.rmtree(aside)
        elif home.exists():
            _refuse_foreign(home)
    except OSError as error:
        raise ConfigurationError(
            f"{home}: can't be deleted: {error.strerror}",
            remedy="Check its permissions and stop what uses it.",
        ) from error


def _refuse_foreign(home: Path) -> None:
    strangers = _strangers(home)
    if strangers:
        raise ConfigurationError(
            f"{home}: holds other files ({strangers[0]}, …) and is not a state directory",
            remedy="Give an empty or a new directory with --home or TXN_HOME.",
        )


def _refuse_link(home: Path) -> None:
    if home.is_symlink():
        raise ConfigurationError(
            f"{home}: can't be deleted: it is a symbolic link",
            remedy="Give the directory that it points to with --home.",
        )


def _strangers(home: Path) -> list[str]:
    return sorted(entry.name for entry in home.iterdir() if entry.name not in OWN_ENTRIES)


def _write_marker(marker: Path) -> None:
    draft = marker.with_suffix(".tmp")
    draft.write_text(json.dumps({"version": STATE_VERSION}) + "\n", encoding="utf-8")
    draft.replace(marker)


def _check_version(marker: Path) -> None:
    try:
        version = json.loads(marker.read_text(encoding="utf-8"))["version"]
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(f"{marker}: can't be read", remedy=FRESH_REMEDY) from error
    if version != STATE_VERSION:
        raise ConfigurationError(
            f"{marker.parent}: is a state directory of version {version}; this release works with "
            f"version {STATE_VERSION}",
            remedy=FRESH_REMEDY,
        )
