"""Reading REDIS_URL: `redis://` or `rediss://[user:password@]host[:port][/database]`, or
`unix://[user:password@]/path?db=database`, with options of redis-py in the query."""

import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from app.secret_urls import shown_option


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value <= 3600:
        raise ValueError
    return value


def _whole(text: str) -> int:
    value = int(text)
    if value < 0:
        raise ValueError
    return value


def _at_least_one(text: str) -> int:
    return _whole(text) or int("none")


def _yes_or_no(text: str) -> bool:
    return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}[text.lower()]


def _requirement(text: str) -> str:
    return {name: name for name in ("none", "optional", "required")}[text]


def _tls_version(text: str) -> ssl.TLSVersion:
    return {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}[text]


def _file(text: str) -> str:
    if not Path(text).is_file():
        raise ValueError
    return text


# redis-py takes any name as an option, also those that only make sense in code, such as `parser_class`, and those that
# would change what our code receives, such as `decode_responses`.
_OPTIONS: Mapping[str, Callable[[str], Any]] = MappingProxyType(
    {
        "db": _whole,
        "username": str,
        "password": str,
        "client_name": str,
        "socket_timeout": _positive,
        "socket_connect_timeout": _positive,
        "health_check_interval": _whole,
        "max_connections": _at_least_one,
        "retry_on_timeout": _yes_or_no,
    }
)
_TCP_OPTIONS: Mapping[str, Callable[[str], Any]] = MappingProxyType({"socket_keepalive": _yes_or_no})
_TLS_OPTIONS: Mapping[str, Callable[[str], Any]] = MappingProxyType(
    {
        "ssl_cert_reqs": _requirement,
        "ssl_check_hostname": _yes_or_no,
        "ssl_ca_certs": _file,
        "ssl_certfile": _file,
        "ssl_keyfile": _file,
        "ssl_ca_data": str,
        "ssl_min_version": _tls_version,
        "ssl_ciphers": str,
    }
)
_BY_SCHEME = MappingProxyType(
    {
        "redis": {**_OPTIONS, **_TCP_OPTIONS},
        "rediss": {**_OPTIONS, **_TCP_OPTIONS, **_TLS_OPTIONS},
        "unix": dict(_OPTIONS),
    }
)


def parse_redis_url(url: str) -> tuple[str, dict[str, Any]]:
    """The scheme, and the arguments of redis-py's connection.

    Raises:
        ValueError: the URL cannot be read, or has an option that is unknown; the message repeats no secret.
    """
    parts = urlsplit(url)
    known = _BY_SCHEME.get(parts.scheme)
    if known is None:
        raise ValueError("must start with redis:// or rediss:// or unix://")
    arguments = _place(parts.scheme, url)
    for name, value in (("username", parts.username), ("password", parts.password)):
        if value:
            arguments[name] = unquote(value)
    for name, text in parse_qsl(parts.query, keep_blank_values=True):
        if name not in known:
            shown = shown_option(url, name)
            raise ValueError(f"unknown option {shown} for {parts.scheme}://; known are {', '.join(sorted(known))}")
        arguments[name] = _read_option(known, name, text)
    if parts.scheme == "rediss":
        # The library's own default is to accept any name that an authority has certified.
        arguments.setdefault("ssl_check_hostname", arguments.get("ssl_cert_reqs") != "none")
    _check_tls(arguments)
    if parts.fragment:
        raise ValueError("has a part after #; in a user or password, write # as %23")
    return parts.scheme, arguments


def _place(scheme: str, url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    path = unquote(parts.path)
    if scheme == "unix":
        if not path:
            raise ValueError("names no socket, as in unix:///run/redis.sock")
        return {"path": path}
    try:
        place: dict[str, Any] = {"host": unquote(parts.hostname or "localhost"), "port": parts.port or 6379}
    except ValueError:
        raise ValueError(
            "has no readable port; in a user or password, write / ? # @ : as %2F %3F %23 %40 %3A"
        ) from None
    if path.strip("/"):
        try:
            place["db"] = _whole(path.strip("/"))
        except ValueError:
            raise ValueError("the path must be the number of a database, as in redis://host/0") from None
    return place


def _read_option(known: Mapping[str, Callable[[str], Any]], name: str, text: str) -> Any:
    try:
        return known[name](text)
    except (KeyError, ValueError):
        raise ValueError(f"the option {name} has a wrong value") from None


def _check_tls(arguments: Mapping[str, Any]) -> None:
    """Refuses at the start what would otherwise make every connection fail."""
    if arguments.get("ssl_check_hostname") and arguments.get("ssl_cert_reqs") == "none":
        raise ValueError("ssl_check_hostname needs ssl_cert_reqs=required")
    authorities = {"cafile": arguments.get("ssl_ca_certs"), "cadata": arguments.get("ssl_ca_data")}
    certificate, key, ciphers = (arguments.get(f"ssl_{name}") for name in ("certfile", "keyfile", "ciphers"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        option = "ssl_ca_certs or ssl_ca_data"
        if any(authorities.values()):
            context.load_verify_locations(**authorities)
        option = "ssl_certfile or ssl_keyfile"
        if certificate:
            context.load_cert_chain(certificate, key, password="")  # instead of asking on the terminal
        option = "ssl_ciphers"
        if ciphers:
            context.set_ciphers(ciphers)
    except (OSError, ValueError):
        raise ValueError(f"the option {option} cannot be used") from None
