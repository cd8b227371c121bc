"""Kill a process with SIGKILL at a known point: when it opens a named pipe for reading."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

SECONDS = 60


def kill_when_it_reads(pipe: Path, program: str, *arguments: object) -> None:
    """Run `program` in a process of its own and kill it where it opens `pipe`, a FIFO.

    An open of a FIFO waits for the other end, so the process can't have got further.
    """
    command = [sys.executable, "-c", program, *map(str, arguments)]
    with subprocess.Popen(command) as process:
        descriptor = _await_reader(pipe, process)
        process.kill()
        process.wait()
        os.close(descriptor)
    assert process.returncode == -signal.SIGKILL


def _await_reader(pipe: Path, process: subprocess.Popen[bytes]) -> int:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, "the process ended before it read from the pipe"
        try:
            return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            time.sleep(0.005)
    process.kill()
    raise TimeoutError(f"nobody opened {pipe} within {SECONDS} s")
