"""The header record: which column is where, and the files that are refused for it."""

import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Self

from txn_platform.config import CONTRACT_COLUMNS
from txn_platform.errors import InputFileError

MAX_COLUMNS = 256
MAX_HEADER_BYTES = 2**20
REJECT_COLUMNS = ("line", "reason")
RECORD_COLUMNS = ("byte_offset", "byte_length", "record_hash")


@dataclass(frozen=True)
class Header:
    """The column names of a file, stripped, in its own order.

    No error of a header ever quotes it: the first record of a file without one is a row of
    data, with an identifier in it.
    """

    names: tuple[str, ...]

    @classmethod
    def parse(cls, fields: list[str], *, name: str) -> Self:
        """The header that the first record of the file `name` holds.

        Raises:
            InputFileError: a contract column is missing or there twice, or there are more than
                `MAX_COLUMNS` columns.
        """
        header = cls(tuple(field.strip() for field in fields))
        if len(fields) > MAX_COLUMNS:
            raise InputFileError(
                f"{name}: found {len(fields):,} columns; at most {MAX_COLUMNS:,} are accepted",
                remedy="Check that its lines end in LF or CRLF, and that it has a header.",
            )
        header._refuse_missing(name)
        header._refuse_duplicates(name)
        return header

    @property
    def width(self) -> int:
        """Fields of a well-formed record."""
        return len(self.names)

    @property
    def unknown(self) -> tuple[str, ...]:
        """Columns that the contract does not have."""
        return tuple(name for name in self.names if name not in CONTRACT_COLUMNS)

    @cached_property
    def unique_names(self) -> tuple[str, ...]:
        """The names under which the rejects keep the columns: distinct, also without case.

        A nameless column is called after its position; a name that is taken, be it by the
        rejects' own columns, gets a number: `line` becomes `line_2`.
        """
        taken = {*REJECT_COLUMNS, *RECORD_COLUMNS, *CONTRACT_COLUMNS}
        return tuple(
            name if name in CONTRACT_COLUMNS else _distinct(name or f"column_{position}", taken)
            for position, name in enumerate(self.names, start=1)
        )

    def _refuse_missing(self, name: str) -> None:
        missing = [column for column in CONTRACT_COLUMNS if column not in self.names]
        if not missing:
            return
        found = {_letters(column) for column in self.names}
        near = [column for column in missing if _letters(column) in found]
        hint = f"; another spelling of {', '.join(near)} is there" if near else ""
        raise InputFileError(
            f"{name}: missing {_list(missing)} in the header, which names {self.width}{hint}",
            remedy=f"The first record must name the columns {', '.join(CONTRACT_COLUMNS)}, "
            "in any order, exactly so.",
        )

    def _refuse_duplicates(self, name: str) -> None:
        count = Counter(self.names)
        twice = [column for column in CONTRACT_COLUMNS if count[column] > 1]
        if twice:
            raise InputFileError(
                f"{name}: the header names {_list(twice)} more than once",
                remedy="Rename or remove the extra column: which one counts can't be guessed.",
            )


def not_a_csv(name: str) -> InputFileError:
    """The refusal of a file whose beginning is not text."""
    return InputFileError(
        f"{name}: is not a CSV file in UTF-8: its header can't be read as text",
        remedy="Save it as CSV (comma-separated, UTF-8); a spreadsheet or an archive is not read.",
    )


def _distinct(name: str, taken: set[str]) -> str:
    """`name` or a numbered form of it that is not in `taken`, where it is added."""
    candidate, number = name, 1
    while candidate.casefold() in taken:
        number += 1
        candidate = f"{name}_{number}"
    taken.add(candidate.casefold())
    return candidate


def _letters(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold()


def _list(columns: list[str]) -> str:
    return f"column{'s' * (len(columns) != 1)} {', '.join(columns)}"
