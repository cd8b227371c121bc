"""What pydantic finds wrong is told in words of ours, and never with the value."""

import string
from typing import get_args

from pydantic_core.core_schema import ErrorType

from api import validation
from api.validation import invalid_parameters

VALUE = "4111-1111"


def test_an_error_that_no_words_were_found_for_does_not_repeat_the_value() -> None:
    for kind in get_args(ErrorType):
        error = {
            "type": kind,
            "loc": ("query", "limit"),
            "msg": f"Input {VALUE!r} is wrong",
            "input": VALUE,
            "ctx": {"tag": VALUE, "input_value": VALUE},
        }
        [found] = invalid_parameters([error])
        assert found.reason
        assert VALUE not in found.reason, kind


def test_the_words_are_for_errors_that_exist() -> None:
    assert set(validation._REASONS) <= set(get_args(ErrorType))  # noqa: SLF001


def test_a_reason_without_its_limit_is_still_a_reason() -> None:
    for template in validation._REASONS.values():  # noqa: SLF001
        names = {name for _, name, _, _ in string.Formatter().parse(template) if name}
        kind = next(k for k, v in validation._REASONS.items() if v == template)  # noqa: SLF001
        [found] = invalid_parameters([{"type": kind, "loc": ("query", "limit")}])
        assert found.reason == ("is not valid" if names else template)


def test_a_name_is_cut_where_a_client_makes_it_endless() -> None:
    [found] = invalid_parameters([{"type": "extra_forbidden", "loc": ("body", "x" * 10_000)}])
    assert len(found.name) == 100
