import signal
import subprocess
import sys
from pathlib import Path

from txn_platform.services.locks import FileLock, is_held, wait_until

HOLD = """
import sys, time
from pathlib import Path
from txn_platform.services.locks import FileLock
lock = FileLock(Path(sys.argv[1]))
assert lock.try_exclusive()
print("held", flush=True)
time.sleep(60)
"""


def test_shared_holders_exclude_an_exclusive_one_and_the_other_way_round(tmp_path: Path) -> None:
    first, second, alone = (FileLock(tmp_path / "lock") for _ in range(3))
    assert first.try_shared()
    assert second.try_shared()
    assert not alone.try_exclusive()
    assert not is_held(tmp_path / "lock")
    first.release()
    second.release()
    assert alone.try_exclusive()
    assert is_held(tmp_path / "lock")
    assert not first.try_shared()


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path / "lock"],
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        assert is_held(tmp_path / "lock")
        holder.send_signal(signal.SIGKILL)
    assert not is_held(tmp_path / "lock")


def test_a_child_program_does_not_inherit_the_lock(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "lock")
    assert lock.try_exclusive()
    with subprocess.Popen(["sleep", "60"], close_fds=False) as child:
        lock.release()
        assert not is_held(tmp_path / "lock")
        child.kill()


def test_asking_whether_a_lock_is_held_creates_no_file(tmp_path: Path) -> None:
    assert not is_held(tmp_path / "lock")
    assert list(tmp_path.iterdir()) == []


def test_a_lock_on_a_file_that_was_removed_or_replaced_is_not_current(tmp_path: Path) -> None:
    lock, other = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    assert not lock.is_current()
    assert lock.try_exclusive()
    assert lock.is_current()
    (tmp_path / "lock").unlink()
    assert not lock.is_current()
    assert other.try_exclusive()
    assert not lock.is_current()


def test_waiting_gives_up_at_its_deadline() -> None:
    assert wait_until(lambda: True, seconds=0)
    assert not wait_until(lambda: False, seconds=0.02)
