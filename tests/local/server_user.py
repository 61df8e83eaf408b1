"""Enters `embedded_servers`, writes the URLs to a file, and leaves after a line on standard input.

python server_user.py FOLDER URLS_FILE [ROUNDS | refuse-namespaces | leave-a-child]
"""

import ctypes
import errno
import json
import os
import platform
import struct
import sys
from dataclasses import asdict
from pathlib import Path

import psycopg

from app.local.embedded import embedded_servers

UNSHARE = {"x86_64": 272, "aarch64": 97}
PR_SET_NO_NEW_PRIVS = 38
PR_SET_SECCOMP = 22
SECCOMP_MODE_FILTER = 2


class SeccompProgram(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def refuse_namespaces() -> None:
    """Makes unshare(2) fail with EPERM, here and in all children, as container engines do."""
    instructions = (
        (0x20, 0, 0, 0),  # load the number of the system call
        (0x15, 0, 1, UNSHARE[platform.machine()]),  # unshare? else skip one
        (0x06, 0, 0, 0x00050000 | errno.EPERM),  # SECCOMP_RET_ERRNO
        (0x06, 0, 0, 0x7FFF0000),  # SECCOMP_RET_ALLOW
    )
    code = b"".join(struct.pack("=HBBI", *instruction) for instruction in instructions)
    program = SeccompProgram(len(instructions), code)
    libc = ctypes.CDLL(None)
    yes, unused = ctypes.c_ulong(1), ctypes.c_ulong(0)
    assert libc.prctl(PR_SET_NO_NEW_PRIVS, yes, unused, unused, unused) == 0
    assert libc.prctl(PR_SET_SECCOMP, ctypes.c_ulong(SECCOMP_MODE_FILTER), ctypes.byref(program)) == 0


def enter_and_leave(folder: Path) -> None:
    """Uses the servers once."""
    with embedded_servers(folder, durable=False) as urls, psycopg.connect(urls.database_url) as connection:
        connection.execute("INSERT INTO visits VALUES (1)")


def leave_a_child(folder: Path) -> None:
    """Forks while inside: the child has the lock files open and lives as long as this process."""
    read_end, write_end = os.pipe()
    with embedded_servers(folder, durable=False):
        if os.fork() == 0:
            os.close(write_end)
            os.read(read_end, 1)
            os._exit(0)


def main(folder: Path, urls_file: Path, option: str = "") -> None:
    if option.isdecimal():
        for _ in range(int(option)):
            enter_and_leave(folder)
        return
    if option == "refuse-namespaces":
        refuse_namespaces()
    if option == "leave-a-child":
        leave_a_child(folder)
    with embedded_servers(folder, durable=False) as urls:
        draft = urls_file.with_suffix(".new")
        draft.write_text(json.dumps(asdict(urls)))
        draft.rename(urls_file)
        sys.stdin.readline()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])
