"""Which operating system identity the server runs under.

PostgreSQL refuses to run as root. As root the server therefore runs as an existing account
that keeps, where it needs it, the one capability of looking into folders closed to it (the
state directory or the installation may lie below a folder with mode 0700). Where that is
impossible it runs in a user namespace, in which root is called by that account's number. No
account is created and no folder outside the state directory changes.
"""

import ctypes
import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from txn_platform.errors import ServiceError
from txn_platform.services.layout import ServiceFiles

_SERVICE_ACCOUNTS = ("pgserver", "postgres", "_postgres", "nobody")

# From <linux/prctl.h>, <linux/capability.h> and <linux/sched.h>.
_PR_SET_PDEATHSIG, _PR_SET_SECUREBITS, _SECBIT_NO_SETUID_FIXUP = 1, 28, 4
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE = 47, 2
_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH = 1, 2
_CAPABILITY_VERSION_3 = 0x20080522
_CLONE_NEWUSER = 0x10000000


@dataclass(frozen=True)
class Identity:
    """How to become the user that runs the server.

    Attributes:
        name: For messages.
        uid: Owner of the data directory, as seen from this process.
        gid: Its group.
        enter: Switches a freshly forked child to this identity.
    """

    name: str
    uid: int
    gid: int
    enter: Callable[[], None]

    def popen_hook(self, data: Path) -> Callable[[], None]:
        """What a child runs before the server program: switch, and end with this process.

        Where the kernel can (Linux), a server whose keeper is killed gets the signal for a
        fast shutdown. Elsewhere the next command ends it. Where the folders above `data` are
        closed to this identity, or switching is refused, the child says so and ends.
        """
        keeper = os.getpid()

        def hook() -> None:
            try:
                self.enter()
                with suppress(FileNotFoundError):
                    data.stat()
                if sys.platform == "linux":
                    _call("prctl", _PR_SET_PDEATHSIG, signal.SIGINT, 0, 0, 0)
            except OSError as error:
                os.write(2, f"{error}\n".encode())
                os._exit(126)
            if os.getppid() != keeper:
                os._exit(126)

        return hook

    def own(self, tree: Path) -> None:
        """Make the data directory belong to this identity; the top folder last.

        An interrupted change of owner is so repeated at the next start.
        """
        if tree.stat().st_uid == self.uid:
            return
        for folder, _, files in os.walk(tree, topdown=False):
            for path in (*(Path(folder, name) for name in files), Path(folder)):
                os.chown(path, self.uid, self.gid, follow_symlinks=False)


def choose_identity(program: Path, files: ServiceFiles) -> tuple[Identity, str]:
    """The first identity that can run the program and reach the folder, and what it printed.

    Args:
        program: Executable that prints its version for `--version`.
        files: Of the state directory.

    Raises:
        ServiceError: when there is none, with what each was told.
    """
    refusals: list[str] = []
    for identity in _candidates(files.home):
        try:
            return identity, _try_out(identity, program, files.data)
        except (OSError, subprocess.SubprocessError) as error:
            reason = (getattr(error, "stderr", None) or str(error)).strip()
            refusals.append(f"{identity.name}: {reason[:200]}")
    if os.geteuid() != 0:
        raise ServiceError(
            f"the PostgreSQL program of this installation does not run: {'; '.join(refusals)}",
            remedy="Install again with `make install`; the wheel supports Linux (glibc) and macOS.",
        )
    raise ServiceError(
        "PostgreSQL refuses to run as root, and no other identity can run it here "
        f"({'; '.join(refusals) or 'no account to run it as'})",
        remedy="Run this command as an ordinary user, with a state directory of that user.",
    )


def _candidates(home: Path) -> Iterator[Identity]:
    uid, gid = os.geteuid(), os.getegid()
    named = _account_of(uid)
    if uid != 0 and named:
        yield Identity(named.pw_name, uid, gid, lambda: None)
        return
    account = _server_account(home)
    if account is None:
        return
    if uid == 0:
        for suffix, capability in (
            ("", None),
            (" with CAP_DAC_READ_SEARCH", _CAP_DAC_READ_SEARCH),
            (" with CAP_DAC_OVERRIDE", _CAP_DAC_OVERRIDE),
        ):
            if capability is None or sys.platform == "linux":
                yield Identity(
                    f"account {account.pw_name}{suffix}",
                    account.pw_uid,
                    account.pw_gid,
                    _account_switch(account, capability),
                )
    if sys.platform == "linux":
        yield Identity("user namespace", uid, gid, _namespace_switch(account, uid, gid))


def _account_of(uid: int) -> pwd.struct_passwd | None:
    """The account with this number; initdb needs one, and a container may have none."""
    with suppress(KeyError):
        return pwd.getpwuid(uid)
    return None


def _server_account(home: Path) -> pwd.struct_passwd | None:
    """The user that the state directory belongs to, else an account made for services."""
    owner = home.stat().st_uid
    if owner != 0 and (account := _account_of(owner)):
        return account
    for name in _SERVICE_ACCOUNTS:
        with suppress(KeyError):
            return pwd.getpwnam(name)
    return None


def _try_out(identity: Identity, program: Path, data: Path) -> str:
    return subprocess.run(  # noqa: S603 - our own program
        [program, "--version"],
        preexec_fn=identity.popen_hook(data),
        cwd="/",
        env={"LC_ALL": "C"},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    ).stdout.strip()


def _account_switch(account: pwd.struct_passwd, capability: int | None) -> Callable[[], None]:
    def enter() -> None:
        if capability is not None:
            # Keeps capabilities when the uid changes, and in access(), by which initdb looks
            # for the server program: that may lie below a closed folder as well.
            _call("prctl", _PR_SET_SECUREBITS, _SECBIT_NO_SETUID_FIXUP, 0, 0, 0)
        os.setgroups([])
        os.setgid(account.pw_gid)
        os.setuid(account.pw_uid)
        if capability is not None:
            _keep_only(capability)

    return enter


def _keep_only(capability: int) -> None:
    """Drop every capability but one, and hand that one on to programs executed next."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    mask = 1 << capability
    data = (ctypes.c_uint32 * 6)(mask, mask, mask)  # effective, permitted, inheritable
    _call("capset", ctypes.byref(header), ctypes.byref(data))
    _call("prctl", _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability, 0, 0)


def _namespace_switch(account: pwd.struct_passwd, uid: int, gid: int) -> Callable[[], None]:
    def enter() -> None:
        _call("unshare", _CLONE_NEWUSER)
        Path("/proc/self/setgroups").write_bytes(b"deny")
        Path("/proc/self/uid_map").write_bytes(b"%d %d 1" % (account.pw_uid, uid))
        Path("/proc/self/gid_map").write_bytes(b"%d %d 1" % (account.pw_gid, gid))

    return enter


def _call(function: str, *arguments: object) -> None:
    """Call a function of the C library that returns -1 and errno on failure.

    Numbers go as unsigned long: prctl reads all 64 bits, also of the arguments that must be 0.
    """
    wide = [ctypes.c_ulong(a) if isinstance(a, int) else a for a in arguments]
    if getattr(ctypes.CDLL(None, use_errno=True), function)(*wide) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{function}: {os.strerror(number)}")
