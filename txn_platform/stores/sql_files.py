"""SQL files that are sent as they are, or composed by psycopg."""

from functools import cache
from importlib.resources import files
from typing import LiteralString, cast


@cache
def sql_file(folder: str, name: str) -> LiteralString:
    """The text of `sql/<folder>/<name>.sql`: written by us, which is what a literal stands for."""
    path = files("txn_platform.stores") / "sql" / folder / f"{name}.sql"
    return cast("LiteralString", path.read_text(encoding="utf-8"))
