from pathlib import Path

from txn_platform_tests.bench.schema import run


def test_no_generated_request_finds_an_error_or_an_undocumented_answer(tmp_path: Path) -> None:
    outcome = run(tmp_path, examples=20)
    assert outcome.succeeded, outcome.text
    assert outcome.cases > 300
    assert outcome.untested == 0
