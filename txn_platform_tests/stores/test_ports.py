from datetime import UTC, date, datetime

from txn_platform.stores.ports import LakeFile, days_of_several_batches, landing_order
from txn_platform_tests.stores.batches import DAYS


def lake_file(batch: str, day: date, minute: int) -> LakeFile:
    landed_at = datetime(2026, 11, 21, 12, minute, tzinfo=UTC)
    return LakeFile(uri=f"{day}/{batch}", day=day, batch_id=batch, landed_at=landed_at, rows=1)


def test_batches_are_ordered_by_landing_and_listed_once() -> None:
    files = [
        lake_file("a", DAYS[0], 3),
        lake_file("b", DAYS[0], 1),
        lake_file("c", DAYS[0], 2),
        lake_file("a", DAYS[1], 3),
    ]
    assert landing_order(files) == ["b", "c", "a"]


def test_batches_that_landed_together_are_ordered_by_their_ids() -> None:
    files = [lake_file("b", DAYS[0], 1), lake_file("a", DAYS[0], 1)]
    assert landing_order(files) == ["a", "b"]


def test_only_days_with_two_files_or_more_hold_several_batches() -> None:
    files = [lake_file("a", DAYS[0], 1), lake_file("b", DAYS[0], 2), lake_file("a", DAYS[1], 1)]
    assert days_of_several_batches(files) == {DAYS[0]}
    assert days_of_several_batches([]) == frozenset()
