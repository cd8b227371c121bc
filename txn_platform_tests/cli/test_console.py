"""The progress display: on a terminal, and only there."""

import os
import pty
import subprocess
from pathlib import Path

from txn_platform.cli.console import SilentReporter, reporter
from txn_platform.settings import PROJECT_ROOT
from txn_platform_tests.platform import COMMAND, command_environment, txn_platform

SMALL = PROJECT_ROOT / "data" / "transactions.csv"


def on_a_terminal(*arguments: str | Path) -> tuple[int, str]:
    """Exit status, and what a terminal was shown on stderr."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [COMMAND, *map(str, arguments)],
        env=command_environment(TERM="xterm-256color"),
        cwd=PROJECT_ROOT,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    while chunk := _read(ours):
        shown += chunk
    os.close(ours)
    return process.wait(), shown.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux reports the end of a terminal as an error.
        return b""


def test_a_terminal_shows_each_phase_of_a_run_and_is_left_clean(tmp_path: Path) -> None:
    status, shown = on_a_terminal("run", "--input", SMALL, "--home", tmp_path / "home")
    assert status == 0
    for phase in ("Starting PostgreSQL", "Landing", "building fact_sales", "checking"):
        assert phase in shown
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")  # the cursor is back


def test_a_pipe_gets_no_display(tmp_path: Path) -> None:
    outcome = txn_platform("validate", SMALL, "--home", tmp_path / "home")
    assert outcome.stderr == ""
    assert "\x1b" not in outcome.stdout


def test_json_output_is_silent_even_on_a_terminal() -> None:
    _, shown = on_a_terminal("validate", SMALL, "--json")
    assert shown == ""
    assert isinstance(reporter(quiet=True), SilentReporter)
