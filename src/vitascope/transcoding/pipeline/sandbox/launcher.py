"""Give up every right that is not needed, then become the program.

Run as `python -I -S launcher.py STATUS_FD SPECIFICATION`; imports the standard library only. What
held and what did not is written to the status descriptor as one JSON object, before the program
starts. An isolation that the kernel does not offer is reported, not fatal: the caller decides.
"""

import ctypes
import json
import os
import platform
import resource
import signal
import struct
import sys
from collections.abc import Callable

_LIBC = ctypes.CDLL(None, use_errno=True)

_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP = 1, 38, 22

# The same numbers on every architecture (asm-generic).
_SYS_CREATE_RULESET, _SYS_ADD_RULE, _SYS_RESTRICT_SELF = 444, 445, 446
_LANDLOCK_VERSION = 1
_LANDLOCK_PATH_BENEATH = 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_READ_FOLDER = _EXECUTE | _READ_FILE | _READ_DIR
_FILE_RIGHTS_SINCE = ((1, _EXECUTE | _WRITE_FILE | _READ_FILE), (3, 1 << 14), (5, 1 << 15))
_ALL_RIGHTS_SINCE = ((1, (1 << 13) - 1), (2, 1 << 13), (3, 1 << 14), (5, 1 << 15))
_NETWORK_RIGHTS_SINCE = ((4, 3),)
_SCOPES_SINCE = ((6, 3),)

# (AUDIT_ARCH, socket, io_uring_setup): the calls by which a network could be reached.
_SECCOMP_CALLS = {"x86_64": (0xC000003E, 41, 425), "aarch64": (0xC00000B7, 198, 425)}
_X32_BIT = 0x40000000
_EPERM = 1


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def _prctl(option: int, *arguments: int) -> None:
    padded = (list(arguments) + [0] * 4)[:4]
    _checked(_LIBC.prctl(option, *(ctypes.c_ulong(value) for value in padded)))


def limit_resources(limits: dict[str, int]) -> None:
    """Apply the rlimits; names as in RLIMIT_*, without the prefix."""
    for name, value in limits.items():
        kind = getattr(resource, f"RLIMIT_{name}")
        hard = resource.getrlimit(kind)[1]
        bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (bound, bound))


def leave_network() -> None:
    """Enter a network namespace without any interface: as root directly, else by a user namespace."""
    if _LIBC.unshare(_CLONE_NEWNET) == 0:
        return
    user, group = os.getuid(), os.getgid()
    _checked(_LIBC.unshare(_CLONE_NEWUSER | _CLONE_NEWNET))
    for file, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{user} {user} 1"),
        ("gid_map", f"{group} {group} 1"),
    ):
        with open(f"/proc/self/{file}", "w", encoding="ascii") as handle:  # noqa: PTH123 - pathlib is slow to load
            handle.write(text)


def _since(table: tuple[tuple[int, int], ...], version: int) -> int:
    return sum(bits for first, bits in table if version >= first)


def restrict_files(readable: list[str], writable: list[str]) -> None:
    """Leave only these files and folders to read, and these to write, by Landlock (Linux >= 5.13)."""
    version = _checked(_LIBC.syscall(_SYS_CREATE_RULESET, None, 0, _LANDLOCK_VERSION))
    handled = _since(_ALL_RIGHTS_SINCE, version)
    fields = (handled, _since(_NETWORK_RIGHTS_SINCE, version), _since(_SCOPES_SINCE, version))
    size = 8 if version < 4 else 16 if version < 6 else 24
    attributes = struct.pack("=QQQ", *fields)[:size]
    ruleset = _checked(_LIBC.syscall(_SYS_CREATE_RULESET, attributes, ctypes.c_size_t(size), 0))
    of_files = _since(_FILE_RIGHTS_SINCE, version)
    for path in readable:
        _allow(ruleset, path, _READ_FOLDER, of_files)
    for path in writable:
        _allow(ruleset, path, handled, of_files)
    _checked(_LIBC.syscall(_SYS_RESTRICT_SELF, ruleset, 0))
    os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int, of_files: int) -> None:
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        if not os.path.isdir(path):  # noqa: PTH112 - pathlib is slow to load
            rights &= of_files
        rule = struct.pack("=Qi", rights, handle)
        _checked(_LIBC.syscall(_SYS_ADD_RULE, ruleset, _LANDLOCK_PATH_BENEATH, rule, 0))
    finally:
        os.close(handle)


def refuse_sockets() -> None:
    """Make every socket() and io_uring_setup() fail, by a seccomp filter."""
    architecture, *calls = _SECCOMP_CALLS[platform.machine()]
    load, equal, at_least, answer = 0x20, 0x15, 0x35, 0x06
    kill, allow, refuse = 0x80000000, 0x7FFF0000, 0x00050000 | _EPERM
    program = [
        (load, 0, 0, 4),
        (equal, 1, 0, architecture),
        (answer, 0, 0, kill),
        (load, 0, 0, 0),
        (at_least, 2, 0, _X32_BIT),
        (equal, 1, 0, calls[0]),
        (equal, 0, 1, calls[1]),
        (answer, 0, 0, refuse),
        (answer, 0, 0, allow),
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in program))
    descriptor = ctypes.create_string_buffer(struct.pack("@HP", len(program), ctypes.addressof(code)))
    _prctl(_PR_SET_SECCOMP, 2, ctypes.addressof(descriptor))


def _attempt(change: Callable[[], None]) -> str | None:
    """Make the change; answer None, or why it could not be made."""
    try:
        change()
    except (OSError, KeyError, AttributeError) as problem:
        return str(problem) or type(problem).__name__
    return None


def _isolate(specification: dict[str, list[str]]) -> dict[str, str | None]:
    held = {
        "network namespace": _attempt(leave_network),
        "no new privileges": _attempt(lambda: _prctl(_PR_SET_NO_NEW_PRIVS, 1)),
        "file whitelist": _attempt(
            lambda: restrict_files(specification["readable"], specification["writable"])
        ),
    }
    held["no sockets"] = _attempt(refuse_sockets)
    return held


def main() -> None:
    """Isolate, report, and become the program; exits 127 with the reason if it cannot start."""
    status = int(sys.argv[1])
    specification = json.loads(sys.argv[2])
    limit_resources(specification["limits"])
    isolation = _isolate(specification)
    # Python ignores these two; a program must die of them as usual.
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    # Last: a change of credentials would have cleared it.
    _attempt(lambda: _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL))
    if os.getppid() != specification["parent"]:
        sys.exit(127)
    os.write(status, json.dumps({"isolation": isolation}).encode() + b"\n")
    os.set_inheritable(status, False)  # noqa: FBT003 - the standard library's own signature
    try:
        os.execv(specification["argv"][0], specification["argv"])  # noqa: S606 - its whole purpose
    except OSError as problem:
        os.write(status, json.dumps({"problem": str(problem)}).encode() + b"\n")
        sys.exit(127)


if __name__ == "__main__":
    main()
