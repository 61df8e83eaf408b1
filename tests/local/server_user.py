"""Enters `embedded_servers`, writes down the URLs, and leaves when told to.

python server_user.py FOLDER ANSWER_FILE [ROUNDS | refuse-namespaces | leave-a-child]
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
    """What container engines do: unshare(2) answers EPERM, here and in all children."""
    instructions = (
        (0x20, 0, 0, 0),  # load the number of the system call
        (0x15, 0, 1, UNSHARE[platform.machine()]),  # unshare? else skip one
        (0x06, 0, 0, 0x00050000 | errno.EPERM),  # SECCOMP_RET_ERRNO
        (0x06, 0, 0, 0x7FFF0000),  # SECCOMP_RET_ALLOW
    )
    code = b"".join(struct.pack("=HBBI", *instruction) for instruction in instructions)
    program = SeccompProgram(len(instructions), code)
    libc = ctypes.CDLL(None)
    one, zero = ctypes.c_ulong(1), ctypes.c_ulong(0)
    assert libc.prctl(PR_SET_NO_NEW_PRIVS, one, zero, zero, zero) == 0
    assert libc.prctl(PR_SET_SECCOMP, ctypes.c_ulong(SECCOMP_MODE_FILTER), ctypes.byref(program)) == 0


def enter_and_leave(folder: Path) -> None:
    with embedded_servers(folder, durable=False) as urls, psycopg.connect(urls.database_url) as connection:
        connection.execute("INSERT INTO visits VALUES (1)")


def leave_a_child(folder: Path) -> None:
    """Forked inside, the child has the open lock files, and lives as long as this process."""
    reading, _writing = os.pipe()
    with embedded_servers(folder, durable=False):
        if os.fork() == 0:
            os.close(_writing)
            os.read(reading, 1)
            os._exit(0)


def main(folder: Path, answer: Path, option: str = "") -> None:
    if option.isdecimal():
        for _ in range(int(option)):
            enter_and_leave(folder)
        return
    if option == "refuse-namespaces":
        refuse_namespaces()
    if option == "leave-a-child":
        leave_a_child(folder)
    with embedded_servers(folder, durable=False) as urls:
        draft = answer.with_suffix(".new")
        draft.write_text(json.dumps(asdict(urls)))
        draft.rename(answer)
        sys.stdin.readline()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])
