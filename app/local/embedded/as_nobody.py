"""Run by its path, as root: turns into a user that Postgres accepts, then into the command it was given.

    python -I -S as_nobody.py namespace|capability UID GID FOLDER COMMAND...

FOLDER is entered first, so that a folder out of reach shows here and not as a riddle of the command's.
A program of its own because threads may run in the service, and after a fork among threads only exec is safe.
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


def in_namespace(uid: int, gid: int) -> None:
    """Nobody within, root without: owns root's files, needs no change to the system."""
    root, group = os.geteuid(), os.getegid()
    _call("unshare", CLONE_NEWUSER)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{uid} {root} 1")
    Path("/proc/self/gid_map").write_text(f"{gid} {group} 1")


def by_capability(uid: int, gid: int) -> None:
    """Truly nobody, but still passing root's closed folders: to the binaries and to the data."""
    _call("prctl", PR_SET_KEEPCAPS, ctypes.c_ulong(1))
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    mask = 1 << CAP_DAC_OVERRIDE
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    _call("capset", header, (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0))
    raise_it = (ctypes.c_ulong(number) for number in (PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0))
    _call("prctl", PR_CAP_AMBIENT, *raise_it)


def main(way: str, uid: str, gid: str, folder: str, *command: str) -> None:
    become = {"namespace": in_namespace, "capability": by_capability}[way]
    become(int(uid), int(gid))
    os.chdir(folder)
    os.execv(command[0], command)  # noqa: S606 - the command is ours


if __name__ == "__main__":
    main(*sys.argv[1:])
