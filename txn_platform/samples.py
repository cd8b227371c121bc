"""Deterministic sample files: the same arguments give the same bytes, on every machine.

A file holds exactly the asked number of eligible rows; the others fail one rule each, so that
every reason of the schema tier and every business rule has its rows. Randomness is integer
arithmetic on the row number (SplitMix64): library generators may change between versions.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import chain, repeat
from math import gcd
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from txn_platform.config import CONTRACT_COLUMNS, Column
from txn_platform.errors import ConfigurationError

FIRST_DAY = date(2023, 10, 1)
MOST_DAYS = 92
"""Days from FIRST_DAY up to the end of the partitions in the configuration that ships."""
MOST_ROWS = 1_000_000_000
DEFAULT_SEED = 2023

_CHUNK_ROWS = 250_000
_LATIN_1_BYTE = "\ue000"
"""Stands for a byte that is not UTF-8 until the text has become bytes."""

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class GeneratedFile:
    """What `generate` wrote."""

    path: Path
    rows: int
    eligible: int
    bytes: int


@dataclass(frozen=True)
class Defect:
    """One way in which a row is not eligible.

    Attributes:
        reason: Its name among the rejection reasons of both tiers.
        column: The column that carries it.
        values: Texts that show it, as they stand in the file; one is drawn for each row.
        weight: How many of 80 ineligible rows have it.
    """

    reason: str
    column: Column
    values: tuple[str, ...]
    weight: int


# A date's text begins with its comma, so that a row can lack the whole field.
SCHEMA_DEFECTS = (
    Defect("missing_product", "product", ("", "  "), 4),
    Defect("invalid_price", "price", ("1e3", "NaN", '"1,299.00"', "19.99 USD", "free"), 2),
    Defect("duplicate_transaction_id", "transaction_id", (), 3),
    Defect("invalid_date", "date", (",2023-02-30", ",01/10/2023", ",2023-10-1", ",today"), 2),
    Defect("wrong_field_count", "date", ("", ",2023-10-04,extra"), 1),
    Defect("invalid_encoding", "product", (f"Halal Caf{_LATIN_1_BYTE} Set", "Halal\0Mouse"), 1),
    Defect("missing_transaction_id", "transaction_id", (), 1),
    Defect("missing_price", "price", ("", " "), 1),
    Defect("missing_quantity", "quantity", ("", '""'), 1),
    Defect("missing_date", "date", (",", ",  "), 1),
    Defect("invalid_quantity", "quantity", ("two", "1.5", "2147483648", "1e2"), 1),
    Defect("date_out_of_range", "date", (",2023-09-30", ",1999-12-31", ",0001-01-01"), 1),
    Defect("value_too_long", "product", ("Halal " + "very " * 60 + "long name",), 1),
)
BUSINESS_DEFECTS = (
    Defect("product_prefix", "product", ("Monitor", "Laptop", "halal Mouse", "Desk Lamp"), 28),
    Defect("price_too_low", "price", ("9.99", "4.50", "0.00", "-24.99"), 12),
    Defect("price_decimals", "price", ("24.999", "10.125", "49.9901"), 8),
    Defect("quantity_out_of_range", "quantity", ("0", "-2", "101", "1000"), 12),
)
DEFECTS = SCHEMA_DEFECTS + BUSINESS_DEFECTS

# Name, share of the sales, list price in cents.
_PRODUCTS = (
    ("Halal Mouse", 150, 2499),
    ("Halal Keyboard", 120, 4999),
    ("Halal Charger", 110, 1999),
    ("Halal Headphones", 90, 7990),
    ("Halal Backpack", 70, 6495),
    ("Halal Power Bank", 65, 3900),
    ("Halal Laptop", 60, 99999),
    ("Halal Desk Lamp", 55, 3450),
    ("Halal Notebook", 50, 1000),
    ("Halal Webcam", 45, 5900),
    ("Halal Speaker", 40, 11900),
    ("Halal Monitor", 35, 19999),
    ("Halal Router", 30, 8900),
    ("Halal Café Grinder", 25, 4400),
    ("Halal Çay Set", 20, 2750),
    ("Halal Phone", 20, 54900),
    ("Halal Tablet", 15, 32900),
    ("Halal Printer", 10, 14950),
    ('Halal Monitor 27"', 8, 27900),
    ("Halal Cable Set, 3 pieces", 6, 1490),
)
_DISCOUNTS = (0, 0, 5, 15)
_LOWEST_CENTS = 1000
_LARGEST_QUANTITY = 100
_BUSY = np.array([8, 8, 9, 11, 16, 14, 10])
"""How large the orders of a weekday get, Monday first."""


def generate(
    out: Path,
    *,
    rows: int = 10_000,
    eligible: int | None = None,
    days: int = 10,
    seed: int = DEFAULT_SEED,
) -> GeneratedFile:
    """Write a sample file, atomically and in bounded memory.

    Args:
        out: The file; replaced where there is one.
        rows: Records below the header.
        eligible: How many of them the marts must take; six tenths by default.
        days: Sale dates from 2023-10-01 on, with the same number of rows each.
        seed: Another seed gives another file.

    Raises:
        ConfigurationError: when an argument is out of range or the file can't be written.
    """
    wanted = rows * 6 // 10 if eligible is None else eligible
    _require("rows", rows, 0, MOST_ROWS)
    _require("eligible", wanted, 0, rows)
    _require("days", days, 1, MOST_DAYS)
    _require("seed", seed, 0, 2**63 - 1)
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        with part.open("xb") as file:
            file.write(",".join(CONTRACT_COLUMNS).encode() + b"\n")
            for text in _chunks(rows, wanted, days, seed):
                file.write(text.encode().replace(_LATIN_1_BYTE.encode(), b"\xe9"))
            size = file.tell()
        part.replace(out)
    except OSError as error:
        raise ConfigurationError(
            f"{out}: can't be written: {error.strerror}",
            remedy="Choose a file in a folder that exists, is writable and has room.",
        ) from error
    finally:
        part.unlink(missing_ok=True)
    return GeneratedFile(path=out, rows=rows, eligible=wanted, bytes=size)


def _require(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise ConfigurationError(
            f"{name}: got {value}; accepted: a whole number from {least} to {most}"
        )


def _chunks(rows: int, eligible: int, days: int, seed: int) -> Iterator[str]:
    tables = _Tables(days)
    last_accepted = 0
    for start in range(0, rows, _CHUNK_ROWS):
        index = np.arange(start, min(start + _CHUNK_ROWS, rows), dtype=np.int64)
        defect = _defects(index, rows, eligible, seed)
        number, last_accepted = _numbers(index, defect, last_accepted)
        yield tables.lines(number, defect, index * days // rows, _noise(index, seed))


def _noise(index: Ints, seed: int) -> npt.NDArray[np.uint64]:
    """SplitMix64 of each row number."""
    z = (index.astype(np.uint64) + np.uint64(seed)) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def _defect_cycle() -> Ints:
    """Indexes of DEFECTS: each once, schema tier first, then what their weights still owe."""
    owed = chain.from_iterable(repeat(i, defect.weight - 1) for i, defect in enumerate(DEFECTS))
    return np.array([*range(len(DEFECTS)), *owed], dtype=np.int64)


_ELIGIBLE = -1
_CYCLE = _defect_cycle()


def _defects(index: Ints, rows: int, eligible: int, seed: int) -> Ints:
    """For each row the index of its defect, or -1.

    A row's rank is a permutation of the row numbers with a golden-section step: exactly
    `eligible` ranks lie below `eligible`, and they lie evenly over the file.
    """
    step = rows * 618_033_988 // 1_000_000_000
    while gcd(step, rows) != 1:
        step += 1
    rank = (index * step + seed % rows) % rows
    return np.where(rank < eligible, _ELIGIBLE, _CYCLE[(rank - eligible) % len(_CYCLE)])


_DUPLICATE = next(i for i, d in enumerate(DEFECTS) if d.reason == "duplicate_transaction_id")
_MISSING_ID = next(i for i, d in enumerate(DEFECTS) if d.reason == "missing_transaction_id")


def _numbers(index: Ints, defect: Ints, last_accepted: int) -> tuple[Ints, int]:
    """The number in each transaction_id, 0 for none, and the last of an accepted row.

    A duplicate repeats the accepted row before it; where there is none yet, it has no id.
    """
    accepted = (defect == _ELIGIBLE) | (defect >= len(SCHEMA_DEFECTS))
    latest = np.maximum.accumulate(np.where(accepted, index + 1, last_accepted))
    before = np.concatenate(([last_accepted], latest[:-1]))
    number = np.where(defect == _DUPLICATE, before, index + 1)
    return np.where(defect == _MISSING_ID, 0, number), int(latest[-1])


class _Tables:
    """The texts of each column, plain, quoted and defective, from which rows pick by index."""

    def __init__(self, days: int) -> None:
        texts = _plain_texts(days)
        self._plain = {column: len(values) for column, values in texts.items()}
        for column, values in texts.items():
            comma = "," if column == "date" else ""
            values += [comma + _quoted(value.removeprefix(comma)) for value in values]
        self._first: list[int] = []
        for defect in DEFECTS:
            values = texts.get(defect.column, [])
            self._first.append(len(values))
            values += defect.values
        self._texts = {column: pl.Series(column, values) for column, values in texts.items()}

    def lines(self, number: Ints, defect: Ints, day: Ints, noise: npt.NDArray[np.uint64]) -> str:
        """The records of one chunk."""
        picks = self._sound_rows(day, noise)
        variant = (noise >> np.uint64(44)).astype(np.int64)
        for i, (kind, first) in enumerate(zip(DEFECTS, self._first, strict=True)):
            if kind.values:
                rows = np.flatnonzero(defect == i)
                picks[kind.column][rows] = first + variant[rows] % len(kind.values)
        product, price, quantity, day_text = (
            self._texts[column].gather(picks[column]) for column in CONTRACT_COLUMNS[1:]
        )
        ids = pl.Series(number)
        id_text = (
            pl.when(ids == 0).then(pl.lit("")).otherwise("T" + ids.cast(pl.String).str.zfill(4))
        )
        line = pl.concat_str(
            id_text, pl.lit(","), product, pl.lit(","), price, pl.lit(","), quantity, day_text
        )
        return pl.select((line + "\n").str.join()).item()

    def _sound_rows(self, day: Ints, noise: npt.NDArray[np.uint64]) -> dict[Column, Ints]:
        """Indexes into the texts for rows without a defect, one in 64 of them quoted."""
        bits = [(noise >> np.uint64(shift)).astype(np.int64) & 255 for shift in (0, 8, 16, 24, 32)]
        product = _BY_SHARE[(bits[0] << 8 | bits[1]) % len(_BY_SHARE)]
        larger = bits[2] * bits[3] * _BUSY[(day + FIRST_DAY.weekday()) % len(_BUSY)] >> 16
        bulk = bits[4] == 0
        picks: dict[Column, Ints] = {
            "product": product,
            "price": product * len(_DISCOUNTS) + bits[4] % len(_DISCOUNTS),
            "quantity": np.where(bulk, _LARGEST_QUANTITY - 1, larger),
            "date": day,
        }
        quoted = bits[4] % 64 == 1
        return {column: pick + quoted * self._plain[column] for column, pick in picks.items()}


_BY_SHARE = np.repeat(np.arange(len(_PRODUCTS)), [share for _, share, _ in _PRODUCTS])


def _plain_texts(days: int) -> dict[Column, list[str]]:
    """What sound rows hold: names, prices (by product, then discount), 1 to 100, dates."""
    cents = [
        max(_LOWEST_CENTS, price * (100 - discount) // 100)
        for _, _, price in _PRODUCTS
        for discount in _DISCOUNTS
    ]
    return {
        "product": [_quoted(name) if set(name) & set(',"') else name for name, _, _ in _PRODUCTS],
        "price": [f"{value // 100}.{value % 100:02}" for value in cents],
        "quantity": [str(quantity) for quantity in range(1, _LARGEST_QUANTITY + 1)],
        "date": [f",{FIRST_DAY + timedelta(days=day)}" for day in range(days)],
    }


def _quoted(text: str) -> str:
    if text.startswith('"'):
        return text
    return '"' + text.replace('"', '""') + '"'
