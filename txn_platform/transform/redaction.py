"""Errors of a database without the values that they quote.

A failed insert names the key, a failed cast the value: nobody but the database may show those.
"""

import re

_VALUES = re.compile(
    r"""
      "[^"\n]*" | '[^'\n]*'                 # what stands in quotes
    | \b[0-9a-f]{64}\b                      # a hashed identifier
    | (?<![\w.])[+-]?\d{4,}(?:\.\d+)?(?![\w.])  # a long number
    | (?<![\w.])[+-]?\d+\.\d+(?![\w.])      # a number with decimals
    """,
    re.VERBOSE,
)
_NOT_TO_SHOW = ("DETAIL:", "LINE ", "CONTEXT:", "HINT:", "QUERY:", "^")
"""Lines that hold whole rows or a piece of SQL."""


def without_values(message: str) -> str:
    """`message` with its values masked, and without the lines that hold nothing else."""
    lines = (line for line in message.splitlines() if not line.strip().startswith(_NOT_TO_SHOW))
    return _VALUES.sub("***", "\n".join(lines))


def first_line(message: str) -> str:
    """What went wrong, in one line, without values.

    dbt puts a heading first ("Runtime Error in model x (models/x.sql)"), the message after it.
    """
    lines = [line.strip() for line in without_values(message).splitlines() if line.strip()]
    headings = 1 if len(lines) > 1 and " Error" in lines[0] else 0
    return lines[headings] if lines else "no message"
