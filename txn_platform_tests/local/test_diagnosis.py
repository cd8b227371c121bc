"""What a run needs, checked one by one."""

from pathlib import Path

import pytest

from txn_platform.local.diagnosis import diagnose
from txn_platform.settings import load_settings


def test_a_state_directory_that_cannot_be_created_is_a_finding_and_the_checks_go_on() -> None:
    findings = diagnose(load_settings(home=Path("/proc/nope/x"), environ={}))
    found = {finding.subject: finding for finding in findings}
    assert not found["state directory"].healthy
    assert "can't be written" in found["state directory"].detail
    assert "/proc" in found["free space"].detail
    assert list(found)[2:5] == ["state directory", "free space", "dbt project"]
    assert list(found)[-1] == "data lake"


def test_an_error_of_the_operating_system_is_a_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "a/file")

    # What the checks themselves call; a database isn't needed for this.
    for check in ("open_state", "ensure_manifest", "postgres_url", "open_warehouse", "open_lake"):
        monkeypatch.setattr(f"txn_platform.local.diagnosis.{check}", full)
    findings = diagnose(load_settings(home=tmp_path, environ={}))
    failed = [finding for finding in findings if not finding.healthy]
    assert len(failed) == 5
    assert {finding.detail for finding in failed} == {"a/file: No space left on device"}
