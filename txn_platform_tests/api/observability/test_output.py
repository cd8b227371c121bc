"""Lines reach their targets, and no target can stop the API."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest

from api.observability.output import MAX_WAITING, Descriptor, LogOutput, RotatedFile
from txn_platform.errors import ConfigurationError
from txn_platform_tests.api.server import free_port

WORKER = """
import sys
from pathlib import Path
from api.observability.output import LogOutput, RotatedFile
output = LogOutput(RotatedFile(Path(sys.argv[1]), most_bytes=20_000))
for number in range(2_000):
    output.write(f"{sys.argv[2]} {number:06d}".encode())
    if number % 100 == 0:
        output._writer.join(0.002)
output.close()
"""


def test_lines_of_many_threads_arrive_whole_and_in_order() -> None:
    reader, writer = os.pipe()
    received: list[bytes] = []
    collector = threading.Thread(target=lambda: received.append(_read_all(reader)))
    collector.start()
    output = LogOutput(Descriptor(writer))

    def log(name: str) -> None:
        for number in range(1_000):
            output.write(f"{name} {number}".encode())

    threads = [threading.Thread(target=log, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    output.close()
    output.write(b"the end")
    os.close(writer)
    collector.join()
    *lines, last = received[0].decode().splitlines()
    assert last == "the end"
    for name in "abcd":
        own = [line for line in lines if line.startswith(name)]
        assert own == [f"{name} {number}" for number in range(1_000)]


def test_a_reader_that_went_away_costs_lines_and_nothing_else(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    path = tmp_path / "api.log"
    output = LogOutput(Descriptor(writer), RotatedFile(path))
    output.write(b"one")
    output.write(b"two")
    output.close()
    os.close(writer)
    output.write(b"three")
    assert path.read_text() == "one\ntwo\nthree\n"
    assert output.dropped == 3


def test_a_reader_that_stalls_never_holds_up_who_logs() -> None:
    reader, writer = os.pipe()
    output = LogOutput(Descriptor(writer))
    line = b"x" * 1_000
    # More than the pipe and the memory that waiting lines may take.
    written = 3 * MAX_WAITING
    finished = _within(lambda: [output.write(line) for _ in range(written)])
    assert finished
    assert 0 < output.dropped < written
    os.close(reader)
    output.close()
    os.close(writer)


def test_a_disk_that_is_full_for_a_while_loses_what_fell_into_it() -> None:
    class Disk:
        full = False
        lines = b""

        def write(self, lines: bytes) -> None:
            if self.full:
                raise OSError(28, "No space left on device")
            self.lines += lines

    disk = Disk()
    output = LogOutput(disk)
    output.close()
    for disk.full, line in ((False, b"a"), (True, b"b"), (False, b"c")):
        output.write(line)
    assert disk.lines == b"a\nc\n"
    assert output.dropped == 1


def test_the_file_is_rotated_and_five_older_ones_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "api.log"
    file = RotatedFile(path, most_bytes=100)
    for number in range(20):
        file.write(f"{number:02d}{'.' * 57}\n".encode())
    names = sorted(found.name for found in path.parent.iterdir() if found.suffix != ".lock")
    assert names == ["api.log", *(f"api.log.{older}" for older in range(1, 6))]
    assert [path.with_name(name).read_text()[:2] for name in names] == [
        "19", "18", "17", "16", "15", "14"
    ]  # fmt: skip
    assert all(path.with_name(name).stat().st_size <= 100 for name in names)
    assert path.stat().st_mode & 0o007 == 0


def test_workers_that_share_the_file_lose_no_line_while_it_rotates(tmp_path: Path) -> None:
    path = tmp_path / "api.log"
    workers = [
        subprocess.Popen([sys.executable, "-c", WORKER, str(path), name]) for name in ("a", "b")
    ]
    assert [worker.wait(60) for worker in workers] == [0, 0]
    kept = sorted(tmp_path.glob("api.log*"), key=lambda found: found.stat().st_mtime_ns)
    lines = [
        line for found in kept if found.suffix != ".lock" for line in found.read_text().split("\n")
    ]
    for name in ("a", "b"):
        numbers = sorted(int(line[2:]) for line in lines if line.startswith(name))
        # Of each worker's lines the latest are all there; older ones were rotated away.
        assert numbers == list(range(numbers[0], 2_000))
    assert len(lines) > 4_000


def test_a_file_that_can_not_be_written_is_refused_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(ConfigurationError, match=r"api\.log_file: .*taken/api\.log"):
        RotatedFile(tmp_path / "taken" / "api.log")


@pytest.mark.parametrize("stdout", ["broken", "closed"])
def test_the_api_goes_on_without_standard_output(tmp_path: Path, stdout: str) -> None:
    config, log, port = tmp_path / "config.yaml", tmp_path / "api.log", free_port()
    config.write_text(f"api: {{log_file: {log}}}")
    uvicorn = Path(sys.executable).with_name("uvicorn")
    app = "txn_platform_tests.api.observability.small_app:create_app"
    # Without colours: to choose them, uvicorn itself asks standard output.
    command = f"exec {uvicorn} --factory {app} --port {port} --no-use-colors"
    process = subprocess.Popen(
        ["sh", "-c", f"{command} {'>&-' if stdout == 'closed' else ''}"],
        env={**os.environ, "TXN_CONFIG": str(config), "TXN_HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    process.stdout.close()
    try:
        url = f"http://127.0.0.1:{port}/hello"
        assert _eventually(lambda: _answers(url))
        before = log.read_text().count('"event":"request"')
        assert [httpx2.get(url).status_code for _ in range(20)] == [200] * 20
        assert _eventually(lambda: log.read_text().count('"event":"request"') == before + 20)
        assert "uvicorn.error" in log.read_text()
    finally:
        process.terminate()
        process.wait(30)
    assert "Finished server process" in log.read_text()


def _answers(url: str) -> bool:
    try:
        return httpx2.get(url).status_code == 200
    except httpx2.TransportError:
        return False


def _eventually(holds: Callable[[], bool], seconds: float = 30) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.02)
    return False


def _within(work: Callable[[], object], seconds: float = 20) -> bool:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    return not thread.is_alive()


def _read_all(descriptor: int) -> bytes:
    with os.fdopen(descriptor, "rb") as stream:
        return stream.read()
