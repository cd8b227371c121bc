from pathlib import Path

from txn_platform_tests.bench.swap import run


def test_every_answer_is_of_one_materialization_while_marts_are_replaced(tmp_path: Path) -> None:
    seen, replaced = run(tmp_path, swaps=2)
    assert seen.consistent, seen
    assert replaced == 2
    # trends and pg-trends each have ids of their own, and the first version was seen as well.
    assert len(seen.prices) >= 4
    assert {price for prices in seen.prices.values() for price in prices} >= {100.0, 101.0}
