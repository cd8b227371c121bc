"""What the reader of a page must know before trusting its figures."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from api.dashboard.figures import ago, moment, month_title
from api.dashboard.quality import CheckRow
from api.dashboard.views import Absence, Shown
from api.problems import InvalidParameter
from api.watch import Watch


@dataclass(frozen=True, slots=True)
class Notice:
    """One message above the figures.

    Attributes:
        level: `error` for what is wrong, `warning` for what may be out of date, `note` else.
        title: The message in a few words.
        text: What it means and what to do.
        command: What to type, where that helps.
    """

    level: Literal["error", "warning", "note"]
    title: str
    text: str
    command: str = ""


_ABSENCES: dict[Absence, Notice] = {
    "unpublished": Notice(
        "note",
        "Nothing has been materialized yet",
        "The figures appear here after the first run that passes its checks. Start one with",
        "txn-platform run",
    ),
    "empty": Notice(
        "note",
        "The marts hold no sales",
        "The last run found no eligible rows. Land a file with sales and run the pipeline:",
        "txn-platform run --input FILE",
    ),
    "away": Notice(
        "error",
        "The warehouse does not answer",
        "Nothing read earlier could stand in. Reload the page in a few seconds; if this stays, "
        "find the cause with",
        "txn-platform doctor",
    ),
}


def parameter_notices(faults: Sequence[InvalidParameter]) -> list[Notice]:
    """One notice for each parameter that could not be used."""
    return [
        Notice(
            "error",
            f"The {fault.name} in the address can't be used",
            f"It is {fault.reason}. The page below leaves it out.",
        )
        for fault in faults
    ]


def sales_notices(shown: Shown, now: datetime) -> list[Notice]:
    """What there is to say about the figures themselves."""
    view = shown.view
    if view is None:
        return [_ABSENCES[shown.absence]] if shown.absence else []
    notices: list[Notice] = []
    if shown.source == "stale":
        at = view.materialization.materialized_at
        notices.append(
            Notice(
                "warning",
                "The warehouse does not answer; these figures may be out of date",
                f"They were materialized {ago(at, now)} ({moment(at)}) and read before the "
                "warehouse went away. If this stays, find the cause with",
                "txn-platform doctor",
            )
        )
    if not view.complete and view.tiles:
        at = view.materialization.materialized_at
        text = f"It holds sales up to {moment(at)}, so it compares low with a whole month."
        notices.append(Notice("note", f"{month_title(view.month)} is not over yet", text))
    return notices


def pipeline_notices(watch: Watch, failed: Sequence[CheckRow], now: datetime) -> list[Notice]:
    """What there is to say about PostgreSQL and the checks."""
    notices: list[Notice] = []
    if failed:
        names = ", ".join(f"{check.name} of {check.asset}" for check in failed[:3])
        more = f" and {len(failed) - 3} more" if len(failed) > 3 else ""  # noqa: PLR2004 - as above
        title = "1 check failed" if len(failed) == 1 else f"{len(failed)} checks failed"
        notices.append(
            Notice("error", title, f"{names}{more}. See the checks below before relying on this.")
        )
    if not watch.reachable:
        notices.append(_postgres_away(watch, now))
    return notices


def _postgres_away(watch: Watch, now: datetime) -> Notice:
    seen = watch.last_seen
    text = (
        f"Checks and freshness are as of {ago(seen, now)} ({moment(seen)}). "
        if seen
        else "Checks and freshness are unknown. "
    )
    return Notice(
        "warning",
        "PostgreSQL does not answer",
        f"{text}Signing in again won't work until it is back. If this stays, find the cause with",
        "txn-platform doctor",
    )
