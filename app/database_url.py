"""Reads DATABASE_URL: one reader for asyncpg (the service) and libpq (the migrations), so that both accept the same."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

_URL = re.compile(
    r"postgres(?:ql)?://(?:(?P<user>[^/?#]*)@)?(?P<hosts>[^@/?#]*)(?:/(?P<database>[^?#]*))?(?:\?(?P<query>[^#]*))?"
)
_CONNECT_SECONDS = 5.0
_DEFAULT_PORT = 5432


def _one_of(*values: str) -> Callable[[str], bool]:
    return values.__contains__


def _anything(_: str) -> bool:
    return True


_TLS_VERSION = _one_of("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
# The options that both libraries honour, or that we honour for asyncpg, each with a check of its value.
_OPTIONS: dict[str, Callable[[str], bool]] = {
    "application_name": _anything,
    "channel_binding": _one_of("disable", "prefer", "require"),
    "connect_timeout": str.isdecimal,
    "gssencmode": _one_of("disable", "prefer"),
    "options": _anything,
    "passfile": _anything,
    "sslcert": _anything,
    "sslcrl": _anything,
    "sslkey": _anything,
    "sslmode": _one_of("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "sslnegotiation": _one_of("postgres", "direct"),
    "sslpassword": _anything,
    "sslrootcert": _anything,
    "ssl_max_protocol_version": _TLS_VERSION,
    "ssl_min_protocol_version": _TLS_VERSION,
    # The others choose servers that cannot be written to.
    "target_session_attrs": _one_of("any", "read-write", "primary"),
}
# What the address itself may say as options, too.
_ADDRESS = ("host", "port", "dbname", "user", "password")
# Those that asyncpg reads out of a URL under the same name.
_OF_ASYNCPG = frozenset(name for name in _OPTIONS if name.startswith("ssl")) | {"passfile"}
_ENCRYPTED = ("require", "verify-ca", "verify-full")


@dataclass(frozen=True)
class DatabaseUrl:
    """The parts of a URL. What it does not say is None or missing, and left to the library's defaults."""

    hosts: tuple[tuple[str, int], ...]
    user: str | None
    password: str | None
    database: str | None
    options: dict[str, str]

    def for_libpq(self) -> dict[str, Any]:
        """The arguments of `psycopg.connect`."""
        hosts = {
            "host": ",".join(host for host, _ in self.hosts),
            "port": ",".join(str(port) for _, port in self.hosts),
        }
        values = {"user": self.user, "password": self.password, "dbname": self.database}
        return {
            **(hosts if self.hosts else {}),
            **{name: value for name, value in values.items() if value is not None},
            "connect_timeout": round(_CONNECT_SECONDS),
            **self.options,
        }

    def for_asyncpg(self) -> Iterator[dict[str, Any]]:
        """The arguments of `asyncpg.connect` for each host, to be tried in this order: asyncpg itself has only one time
        limit for all hosts together, which a host that does not answer would use up."""
        options = {name: value for name, value in self.options.items() if name in _OF_ASYNCPG}
        query = "&".join(f"{name}={quote(value, safe='')}" for name, value in options.items())
        settings = {name: self.options[name] for name in ("application_name", "options") if name in self.options}
        limit = float(self.options.get("connect_timeout", 0)) or _CONNECT_SECONDS / max(1, len(self.hosts))
        common = {
            "dsn": f"postgresql://?{query}" if query else None,
            "user": self.user,
            "password": self.password,
            "database": self.database,
            "timeout": limit,
            "server_settings": settings,
            "target_session_attrs": self.options.get("target_session_attrs"),
        }
        for host, port in self.hosts or ((None, None),):
            yield {**common, "host": host, "port": port}


def parse_database_url(url: str) -> DatabaseUrl:
    """The parts of the URL. With several hosts, the one that can be written to is chosen unless the URL says otherwise.

    Raises:
        ValueError: it cannot be read or has an option that is not supported; the message repeats no secret.
    """
    match = _URL.fullmatch(url)
    if match is None:
        raise ValueError("is not a readable URL")
    user, _, password = (match["user"] or "").partition(":")
    options = _read_query(match["query"] or "")
    address = {name: options.pop(name) for name in _ADDRESS if name in options}
    hosts = _hosts(match["hosts"], address.get("host"), address.get("port"))
    if len(hosts) > 1:
        options.setdefault("target_session_attrs", "read-write")
    _check(options)
    return DatabaseUrl(
        hosts=hosts,
        user=address.get("user") or unquote(user) or None,
        password=address.get("password") or unquote(password) or None,
        database=address.get("dbname") or unquote(match["database"] or "") or None,
        options=options,
    )


def _read_query(query: str) -> dict[str, str]:
    options = {}
    for part in filter(None, query.split("&")):
        name, equals, value = part.partition("=")
        if not equals:
            raise ValueError("has an option without a value; write option=value, and & in a value as %26")
        options[unquote(name)] = unquote(value)
    return options


def _check(options: dict[str, str]) -> None:
    for name, value in options.items():
        if name not in _OPTIONS:
            shown = name if re.fullmatch(r"\w{1,40}", name) else "with an unreadable name"
            raise ValueError(
                f"option {shown} is not supported; supported are {', '.join(sorted((*_OPTIONS, *_ADDRESS)))}"
            )
        if not _OPTIONS[name](value):
            raise ValueError(f"option {name} has a value that is not supported")
    if options.get("channel_binding") == "require" and options.get("sslmode") not in _ENCRYPTED:
        raise ValueError("option channel_binding=require needs sslmode=require, verify-ca or verify-full")


def _hosts(in_address: str, option: str | None, ports_option: str | None) -> tuple[tuple[str, int], ...]:
    names, ports = [], []
    for part in filter(None, in_address.split(",")):
        # A colon inside of brackets belongs to an IPv6 address.
        name, _, port = part.rpartition(":") if re.search(r":\d*$", part) else (part, "", "")
        names.append(unquote(name.strip("[]")))
        ports.append(port)
    if option is not None:
        names, ports = option.split(","), []
    if ports_option is not None:
        ports = ports_option.split(",")
    if not names and ports:
        names = ["localhost"] * len(ports)
    if len(ports) == 1 or not ports:
        ports = (ports or [""]) * len(names)
    if len(ports) != len(names):
        raise ValueError("has not one port for each host")
    return tuple((name or "localhost", _port(port)) for name, port in zip(names, ports, strict=True))


def _port(text: str) -> int:
    if not text:
        return _DEFAULT_PORT
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise ValueError("has a port that is not a number from 1 to 65535")
    return int(text)
