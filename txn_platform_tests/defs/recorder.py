"""An operational database that only remembers which results it was given."""

from collections.abc import Sequence

from txn_platform.stores.status import AssetRecord, CheckRecord


class Recorder:
    """Results by asset, and by asset and check."""

    def __init__(self) -> None:
        self.materialized: dict[str, AssetRecord] = {}
        self.checked: dict[tuple[str, str], CheckRecord] = {}

    def record_results(
        self, materialized: Sequence[AssetRecord], checked: Sequence[CheckRecord]
    ) -> None:
        assert len({record.asset for record in materialized}) == len(materialized)
        assert len({(record.asset, record.name) for record in checked}) == len(checked)
        self.materialized |= {record.asset: record for record in materialized}
        self.checked |= {(record.asset, record.name): record for record in checked}
