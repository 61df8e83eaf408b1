"""Checks that files of installed packages are as they were installed: the model, and the programs that are run."""

import base64
import hashlib
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path


class ChangedFile(Exception):
    """A file of an installed package is not the one that was installed; the message says what to do."""


@cache
def check_installed(package: str, path: Path) -> None:
    """Compares a file with the checksum in the package's list of files, once in the life of a process. The list is part
    of the package, whose own checksum pip compares with the lock file when it installs it.

    Raises:
        ChangedFile: it differs, or the package's list does not have it.
    """
    if _recorded(package, path) != _checksum(path):
        raise ChangedFile(
            f"{path} is not the file of the package {package} that was installed: install the package again"
        )


def _recorded(package: str, path: Path) -> str | None:
    try:
        files = distribution(package).files or ()
    except PackageNotFoundError:
        return None
    for file in files:
        if file.name == path.name and file.hash and Path(str(file.locate())).resolve() == path.resolve():
            return f"{file.hash.mode}={file.hash.value}"
    return None


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").digest()
    return f"sha256={base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"
