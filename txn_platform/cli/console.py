"""What people see: a progress display on a terminal, tables, and nothing in a pipe."""

import sys
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

PIPE_WIDTH = 120
STEP_NAMES = {
    "lake_transactions": "validating and hashing",
    "raw_transactions": "loading the warehouse and PostgreSQL",
    "warehouse_marts": "building fact_sales",
    "operational_mart": "building pg_sales",
    "summaries": "building the summaries of fact_sales",
    "summary_sales_export": "exporting the summary",
}


def output() -> Console:
    """The console for results: stdout, wide enough in a pipe that tables don't wrap."""
    width = None if sys.stdout.isatty() else PIPE_WIDTH
    return Console(width=width, highlight=False, emoji=False)


class SilentReporter:
    """No display: for pipes and for `--json`."""

    def phase(self, text: str, total: int | None = None) -> None:
        """Ignored."""

    def advanced(self, done: int) -> None:
        """Ignored."""

    def step(self, name: str) -> None:
        """Ignored."""


class ProgressReporter:
    """A line for the present phase with a bar, redrawn in place, on stderr."""

    def __init__(self) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=30),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task: TaskID | None = None
        self._base = 0
        self._last = 0

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def phase(self, text: str, total: int | None = None) -> None:
        """Show a new phase; without a total its bar pulses."""
        if self._task is not None:
            self._progress.remove_task(self._task)
        self._base = self._last = 0
        self._task = self._progress.add_task(text, total=total)

    def advanced(self, done: int) -> None:
        """Bytes of the file in work; a smaller number than before begins the next file."""
        if done < self._last:
            self._base += self._last
        self._last = done
        if self._task is not None:
            self._progress.update(self._task, completed=self._base + done)

    def step(self, name: str) -> None:
        """Name the step that runs now."""
        if self._task is not None and name != "lake_transactions":
            text = STEP_NAMES.get(name, f"checking {name}")
            self._progress.update(self._task, description=text, total=None)


def reporter(*, quiet: bool) -> ProgressReporter | SilentReporter:
    """A progress display where someone watches: stderr is a terminal and nobody parses."""
    return SilentReporter() if quiet or not sys.stderr.isatty() else ProgressReporter()
