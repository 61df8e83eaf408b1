"""Reads a file of micro-credentials from the disk."""

from pathlib import Path

from app.services.catalog.credentials_file import CredentialsFile, UnreadableFile, parse_credentials


def read_credentials(path: Path) -> CredentialsFile:
    """The rows of a `.csv` or `.jsonl` file.

    Raises:
        UnreadableFile: it does not exist, has an unknown type, encoding or columns, or broken quotes.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UnreadableFile(f"{path}: {error.strerror}") from error
    return parse_credentials(str(path), raw)
