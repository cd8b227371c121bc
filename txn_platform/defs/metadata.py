"""Metadata that people read in the Dagster UI: schemas, previews, tables of counts."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from decimal import Decimal

import dagster as dg
import pyarrow as pa

PREVIEW_ROWS = 5
OWNERS = ["team:data-platform"]
DAILY_FRESHNESS = dg.FreshnessPolicy.time_window(
    warn_window=timedelta(hours=26), fail_window=timedelta(hours=36)
)
"""A day and the run's own time; half a day more before somebody must look."""

RAW_COLUMNS = dg.TableSchema(
    columns=[
        dg.TableColumn(
            "transaction_id", "string", "Hash of the identifier: 64 lower-case hex characters"
        ),
        dg.TableColumn("product", "string", "Product name as written, stripped"),
        dg.TableColumn("price", "numeric", "Unit price, exact"),
        dg.TableColumn("quantity", "int64", "Units sold"),
        dg.TableColumn("date", "date", "Sale date; the partition"),
        dg.TableColumn("batch_id", "string", "SHA-256 of the file that the row came from"),
    ]
)


def preview(table: pa.Table) -> dg.MarkdownMetadataValue:
    """The given rows as a Markdown table; identifiers in it are hashes, shown shortened."""
    if table.num_rows == 0:
        return dg.MetadataValue.md("*No rows.*")
    rows: list[dict[str, object]] = table.to_pylist()
    lines = [_line(table.column_names), _line(["---"] * table.num_columns)]
    lines += [_line(_shown(name, value) for name, value in row.items()) for row in rows]
    return dg.MetadataValue.md("\n".join(lines))


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _shown(name: str, value: object) -> str:
    if name in {"transaction_id", "batch_id"}:
        return f"{str(value)[:12]}…"
    text = _money(value) if isinstance(value, Decimal) else str(value)
    return text.replace("|", "\\|").replace("\n", " ")


def counts_table(title: str, counts: Mapping[str, int]) -> dg.MarkdownMetadataValue:
    """Counts by name, largest first, as a Markdown table."""
    if not counts:
        return dg.MetadataValue.md("*None.*")
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    lines = [f"| {title} | rows |", "|---|---:|"]
    lines += [f"| {name} | {count:,} |" for name, count in ordered]
    return dg.MetadataValue.md("\n".join(lines))


def _money(value: Decimal) -> str:
    """Two decimals, and more only where they say something: a NUMERIC comes with nine."""
    digits = f"{value:f}".rstrip("0").rstrip(".")
    return digits if len(digits.partition(".")[2]) > 2 else f"{value:.2f}"  # noqa: PLR2004
