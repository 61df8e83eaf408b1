"""Runs a command as a user other than root. Postgres refuses root, so `account.py` puts this program before its
commands where the service runs as root.

    python -I -S run_as_nobody.py namespace|capability UID GID FOLDER COMMAND...

The program changes to FOLDER before it starts the command, so that a folder out of reach shows here. It is a program of
its own because the service may have threads, and between a fork and exec in a process with threads little is safe.
"""

import ctypes
import os
import sys
from pathlib import Path

# From linux/sched.h, linux/prctl.h and linux/capability.h.
CLONE_NEWUSER = 0x10000000
PR_SET_KEEPCAPS = 8
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAPABILITY_VERSION_3 = 0x20080522
CAP_DAC_OVERRIDE = 1

_libc = ctypes.CDLL(None, use_errno=True)


def _call(name: str, *arguments: object) -> None:
    if getattr(_libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def enter_namespace(uid: int, gid: int) -> None:
    """Becomes `uid` inside a new user namespace and stays root outside: the files stay root's."""
    root, group = os.geteuid(), os.getegid()
    _call("unshare", CLONE_NEWUSER)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{uid} {root} 1")
    Path("/proc/self/gid_map").write_text(f"{gid} {group} 1")


def keep_capability(uid: int, gid: int) -> None:
    """Becomes `uid` for good, but keeps the right to enter root's closed folders: those of binaries and data."""
    _call("prctl", PR_SET_KEEPCAPS, ctypes.c_ulong(1))
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    mask = 1 << CAP_DAC_OVERRIDE
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    _call("capset", header, (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0))
    ambient = (ctypes.c_ulong(number) for number in (PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0))
    _call("prctl", PR_CAP_AMBIENT, *ambient)


def main(method: str, uid: str, gid: str, folder: str, *command: str) -> None:
    """Changes the user by the method, then replaces this program by the command."""
    change_user = {"namespace": enter_namespace, "capability": keep_capability}[method]
    change_user(int(uid), int(gid))
    os.chdir(folder)
    os.execv(command[0], command)  # noqa: S606 - the command is ours


if __name__ == "__main__":
    main(*sys.argv[1:])
