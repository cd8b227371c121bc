import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

from txn_platform.errors import TransientStoreError
from txn_platform.stores.writer_lock import WriterLock

HOLD = """
import sys
from pathlib import Path
from txn_platform.stores.writer_lock import WriterLock

with WriterLock(Path(sys.argv[1]), 1).held():
    print("held", flush=True)
    sys.stdin.read()
"""


def test_it_can_be_taken_again_in_the_same_thread_through_another_handle(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "lock"
    with WriterLock(path, 0.1).held(), WriterLock(path, 0.2).held():
        pass
    with WriterLock(path, 0.1).held():
        pass


def test_another_thread_waits_for_its_turn(tmp_path: Path) -> None:
    path, taken, release = tmp_path / "lock", Event(), Event()

    def hold() -> None:
        with WriterLock(path, 1).held():
            taken.set()
            release.wait(30)

    with ThreadPoolExecutor(1) as pool:
        holding = pool.submit(hold)
        assert taken.wait(30)
        with pytest.raises(TransientStoreError), WriterLock(path, 0.05).held():
            pass
        release.set()
        with WriterLock(path, 30).held():
            assert holding.result(30) is None


def test_the_error_names_the_process_that_holds_it_and_its_death_frees_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        holder = f"held .* by process {process.pid} "
        with pytest.raises(TransientStoreError, match=holder), WriterLock(path, 0.05).held():
            pass
        process.kill()
        process.wait()
        with WriterLock(path, 5).held():
            pass
