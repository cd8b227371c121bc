from pathlib import Path

from txn_platform_tests.bench.ingest import run


def test_the_contenders_agree_on_what_is_accepted(tmp_path: Path) -> None:
    results = run(2_000, tmp_path)
    assert {(result.accepted, result.rejected) for result in results.values()} == {(1_800, 200)}
    assert all(result.seconds > 0 for result in results.values())
