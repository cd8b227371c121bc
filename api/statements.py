"""SQL files of the API, read once each. Values are bound as parameters by the driver."""

from functools import cache
from importlib.resources import files
from typing import LiteralString, cast


@cache
def statement(package: str, name: str) -> LiteralString:
    """The text of `sql/<name>.sql` beside the modules of a package, for example `api.marts`."""
    path = files(package) / "sql" / f"{name}.sql"
    return cast("LiteralString", path.read_text(encoding="utf-8"))
