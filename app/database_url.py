"""Reads DATABASE_URL: one reader for asyncpg (the service) and libpq (the migrations), so that both accept the same."""

import os
import re
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from app.secret_urls import shown_option

_URL = re.compile(
    r"postgres(?:ql)?://(?:(?P<user>[^/?#]*)@)?(?P<hosts>[^@/?#]*)(?:/(?P<database>[^?#]*))?(?:\?(?P<query>[^#]*))?"
)
_CONNECT_SECONDS = 5.0
_DEFAULT_PORT = 5432


def _one_of(*values: str) -> Callable[[str], bool]:
    return values.__contains__


def _anything(_: str) -> bool:
    return True


def _is_file(value: str) -> bool:
    return Path(value).is_file() and os.access(value, os.R_OK)


_TLS_VERSION = _one_of("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
# The options that both libraries honour, or that we honour for asyncpg, each with a check of its value.
_OPTIONS: dict[str, Callable[[str], bool]] = {
    "application_name": _anything,
    "channel_binding": _one_of("disable", "prefer", "require"),
    "connect_timeout": str.isdecimal,
    "gssencmode": _one_of("disable", "prefer"),
    "options": _anything,
    "passfile": _anything,
    "sslcert": _is_file,
    "sslcrl": _is_file,
    "sslkey": _is_file,
    "sslmode": _one_of("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "sslnegotiation": _one_of("postgres", "direct"),
    "sslpassword": _anything,
    "sslrootcert": _is_file,
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
# Files of root certificates that systems have, besides the one that Python's own OpenSSL names. The libpq of a Python
# package looks in none of these places.
_SYSTEM_ROOTS = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


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
    if options.get("sslrootcert") == "system":
        options |= {"sslrootcert": _system_roots(), "sslmode": options.get("sslmode", "verify-full")}
        if options["sslmode"] != "verify-full":
            # Anybody can have a certificate of a public authority for another name.
            raise ValueError("option sslrootcert=system needs sslmode=verify-full")
    _check(url, options)
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


def _check(url: str, options: dict[str, str]) -> None:
    for name, value in options.items():
        if name not in _OPTIONS:
            raise ValueError(
                f"option {shown_option(url, name)} is not supported; supported are "
                f"{', '.join(sorted((*_OPTIONS, *_ADDRESS)))}"
            )
        if not _OPTIONS[name](value):
            fault = (
                "names no file that can be read" if _OPTIONS[name] is _is_file else "has a value that is not supported"
            )
            raise ValueError(f"option {name} {fault}")
    if options.get("channel_binding") == "require" and options.get("sslmode") not in _ENCRYPTED:
        raise ValueError("option channel_binding=require needs sslmode=require, verify-ca or verify-full")
    if options.get("sslmode", "").startswith("verify") and "sslrootcert" not in options and not _has_default_roots():
        raise ValueError(f"option sslmode={options['sslmode']} needs sslrootcert, such as sslrootcert=system")


def _has_default_roots() -> bool:
    """Whether there are root certificates where both libraries look for them."""
    default = Path("~/.postgresql/root.crt").expanduser()
    return default.is_file() or bool(os.environ.get("PGSSLROOTCERT"))


def _system_roots() -> str:
    files = (ssl.get_default_verify_paths().cafile, *_SYSTEM_ROOTS)
    existing = next((file for file in files if file and _is_file(file)), None)
    if existing is None:
        raise ValueError("option sslrootcert=system: this system has no file of root certificates; name one")
    return existing


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
