from pathlib import Path

from txn_platform_tests.bench.api import run


def test_every_contender_answers_without_an_error(tmp_path: Path) -> None:
    report = run(20_000, 0.2, (50, 100), tmp_path)
    assert len(report.figures) == 8
    for name, figures in report.figures.items():
        assert figures.latencies, name
        assert figures.errors == 0, name
    assert set(report.figures["trends, 304"].statuses) == {304}
    assert report.memory.keys() == {50, 100}
