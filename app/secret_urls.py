"""URLs with a password: whether they can be read as they were meant, and what an error may repeat of them."""

import re
from urllib.parse import urlsplit

_ESCAPES = "in a user or password, write / ? # @ : & as %2F %3F %23 %40 %3A %26"
_HOST = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]*)(:\d{1,5})?")


def check_url(url: str, schemes: tuple[str, ...]) -> None:
    """Checks that the URL has one of the schemes and readable hosts, and that no password can have gone astray.

    Raises:
        ValueError: it does not; the message repeats nothing of the URL.
    """
    scheme, _, rest = url.partition("://")
    if f"{scheme}://" not in schemes:
        raise ValueError(f"must start with {' or '.join(schemes)}")
    authority, after = _split(rest)
    if "@" in after:
        # An unescaped character has ended a password early: its rest would be taken for a database, a path or options.
        raise ValueError(f"has an @ after the host; {_ESCAPES}")
    user, _, hosts = authority.rpartition("@")
    if not all(_HOST.fullmatch(host) for host in hosts.split(",")):
        raise ValueError(f"has no readable host and port; {_ESCAPES}")
    if "%3a" in user.partition(":")[0].lower():
        raise ValueError("has no readable user: write the : between user and password as it is")
    try:
        urlsplit(url)
    except ValueError:
        raise ValueError(f"is not a readable URL; {_ESCAPES}") from None


def shown_option(url: str, name: str) -> str:
    """The name of an option that is not known; without it where it may be a part of a password with ? or &."""
    authority, after = _split(url.partition("://")[2])
    is_certain = ("@" in authority or ":" not in authority) and "password" not in after.lower()
    return name if is_certain and re.fullmatch(r"\w{1,40}", name, re.ASCII) else "whose name is not shown"


def _split(rest: str) -> tuple[str, str]:
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    return authority, rest[len(authority) :]
