"""What Schemathesis can't know of the API from its OpenAPI document."""

from datetime import date

import schemathesis
from hypothesis import strategies as st

from txn_platform.config import CONTRACT_COLUMNS
from txn_platform_tests.api.server import ADMIN_PASSWORD

DAYS = st.dates(date(2023, 10, 1), date(2023, 12, 31))
CENTS = st.integers(1, 10**9).map(lambda cents: f"{cents // 100}.{cents % 100:02}")
NAMES = st.text("abcdefghijklmnopqrstuvwxyz ", max_size=20).map("Halal {}".format)
SOUND = st.tuples(st.uuids().map(str), NAMES, CENTS, st.integers(1, 100).map(str), DAYS.map(str))


def _file(records: list[tuple[str, ...]]) -> bytes:
    """Columns in their usual order; what is generated needs no quotes."""
    return "\n".join(map(",".join, [CONTRACT_COLUMNS, *records])).encode()


schemathesis.openapi.media_type("text/csv", st.lists(SOUND, min_size=1, max_size=5).map(_file))


@schemathesis.hook
def map_case(context: schemathesis.HookContext, case: schemathesis.Case) -> schemathesis.Case:  # noqa: ARG001 - given
    """Sign in as somebody who exists whenever a form is sound: else only 401 was ever seen."""
    sound = case.meta is not None and case.meta.generation.mode.is_positive
    if sound and case.path == "/token" and isinstance(case.body, dict) and "password" in case.body:
        case.body = {**case.body, "username": "admin", "password": ADMIN_PASSWORD}
    return case
