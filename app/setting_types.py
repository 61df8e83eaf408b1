"""Types of settings, and the checks and conversions of their values."""

import ipaddress
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias
from urllib.parse import parse_qsl, urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from app.database_url import parse_database_url
from app.domain.states import Role
from app.domain.webhook.secret_cipher import parse_key
from app.redis_url import parse_redis_url
from app.secret_urls import check_url

_DAY = 86_400
_MONTH = 2_592_000
_DEFAULT_PORTS = {"http": "80", "https": "443"}


@dataclass(frozen=True, slots=True)
class Rate:
    """How many requests are allowed in how many seconds; `off` allows any number."""

    requests: int = 0
    seconds: int = 1

    @property
    def off(self) -> bool:
        """Whether there is no limit."""
        return not self.requests

    def __str__(self) -> str:
        return "0" if self.off else f"{self.requests}/{self.seconds}"


class Price(BaseModel):
    """Dollars for a million tokens."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    input: float = Field(ge=0, alias="in")
    output: float = Field(ge=0, alias="out")


def price_of_pair(value: Any) -> Any:
    """The prices as an object, also where they are a pair."""
    return {"in": value[0], "out": value[1]} if isinstance(value, list) and len(value) == 2 else value


def split(value: Any) -> Any:
    """The parts of a text with commas between."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def from_json(value: Any) -> Any:
    """The value of a text in JSON."""
    return json.loads(value) if isinstance(value, str) else value


def web_address(value: str) -> str:
    """The address, if it is one of http or https."""
    if not re.fullmatch(r"https?://[^\s/]+(/\S*)?", value):
        raise ValueError("must be an http or https address")
    check_url(value, ("http://", "https://"))
    return value


def check_printable(value: SecretStr | str | None) -> None:
    """Raises ValueError if the value has a control character or one that is not ASCII."""
    text = value.get_secret_value() if isinstance(value, SecretStr) else value or ""
    place = next((place for place, character in enumerate(text, 1) if not " " <= character <= "~"), None)
    if place is not None:
        raise ValueError(f"has a control or non-ASCII character at position {place}")


def query(value: Any) -> Any:
    """The names and values of a URL's query."""
    if not isinstance(value, str):
        return value
    try:
        return dict(parse_qsl(value.removeprefix("?"), keep_blank_values=True, strict_parsing=True))
    except ValueError:
        # The library's message repeats the value, which may be a secret.
        raise ValueError("must have the form name=value&name=value") from None


def public_address(value: str) -> str:
    """The address without a slash at its end, if it is one that a path can be added to."""
    if not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", value):
        raise ValueError("must be an http or https address without user, query and fragment")
    return value.rstrip("/")


def network(value: str) -> str:
    """The network, if it is one in CIDR notation."""
    ipaddress.ip_network(value)
    return value


def rate(value: Any) -> Any:
    """The rate of a text such as 600/60; of 0, none."""
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"0|([0-9]{1,7})/([0-9]{1,5})", value)
    requests, seconds = (int(part or 0) for part in match.groups()) if match else (0, 0)
    if value != "0" and not (requests and 0 < seconds <= _DAY):
        raise ValueError(f"must be requests/seconds, such as 600/60 (at most {_DAY} seconds), or 0 for no limit")
    return Rate(requests, seconds) if requests else Rate()


def origin(value: str) -> str:
    """The origin, if it is written as browsers send it."""
    match = re.fullmatch(r"([a-z][a-z0-9+.-]*)://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::([1-9][0-9]{0,4}))?", value)
    if match is None:
        raise ValueError("must be origins as browsers send them, scheme://host or scheme://host:port, in small letters")
    if int(match[2] or 0) > 65535:
        raise ValueError("has a port over 65535")
    if match[2] is not None and match[2] == _DEFAULT_PORTS.get(match[1]):
        raise ValueError(f"names the default port {match[2]}, which browsers leave out of an origin")
    return value


def token_secret(value: SecretStr) -> SecretStr:
    """The secret, if nobody can guess it."""
    if len(value.get_secret_value().encode()) < 32:
        raise ValueError("must have 32 bytes or more")
    return value


def secrets_key(value: SecretStr) -> SecretStr:
    """The key, if it is the base64 of 32 bytes."""
    parse_key(value.get_secret_value())
    return value


def issuer(value: str) -> str:
    """The issuer, if it can be stored with a person."""
    if not value.isprintable():
        raise ValueError("has a control character")
    return value


def key_set_address(value: str) -> str:
    """The address of a JWK set, if nobody on the way can replace the keys."""
    try:
        url = urlsplit(value)
        scheme, host, port = url.scheme, url.hostname or "", url.port
    except ValueError:
        scheme, host, port = "", "", None
    if scheme not in {"http", "https"} or not host or port == 0 or re.search(r"[\s@\\#]", value):
        raise ValueError("must be an https address without user and fragment")
    if scheme == "http" and not _is_loopback(host):
        raise ValueError("must be an https address; http is for loopback only")
    return value


def check_token_settings(settings: Mapping[str, Any]) -> None:
    """Raises ValueError unless these settings fit a provider's keys. With a secret as well, whoever has it could still
    make tokens; without issuer and audience, every token of the provider would do."""
    if settings.get("jwt_secret") is not None:
        raise ValueError("set either this or JWT_SECRET, not both")
    # A setting that is wrong is not there, and has a line of its own.
    missing = [name.upper() for name in ("jwt_issuer", "jwt_audience") if settings.get(name, "wrong") is None]
    if missing:
        raise ValueError(f"needs {' and '.join(missing)}")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def first_at_once(value: list[float]) -> list[float]:
    """The delays, if the first attempt is made at once."""
    if not value or value[0] != 0:
        raise ValueError("the first delay must be 0")
    return value


def database_address(value: SecretStr) -> SecretStr:
    """The address of a PostgreSQL, if it can be read."""
    check_url(value.get_secret_value(), ("postgres://", "postgresql://"))
    parse_database_url(value.get_secret_value())
    return value


def redis_address(value: SecretStr) -> SecretStr:
    """The address of a Redis or Valkey, if it can be read."""
    check_url(value.get_secret_value(), ("redis://", "rediss://", "unix://"))
    parse_redis_url(value.get_secret_value())
    return value


DatabasePooler: TypeAlias = Literal["auto", "session", "transaction"]
WebAddress = Annotated[str, AfterValidator(web_address)]
PublicAddress = Annotated[str, Field(max_length=200), AfterValidator(public_address)]
Query = Annotated[dict[str, str], BeforeValidator(query)]
Network = Annotated[str, BeforeValidator(network)]
RequestRate = Annotated[Rate, BeforeValidator(rate)]
Origin = Annotated[str, AfterValidator(origin)]
Prices = Annotated[dict[str, Annotated[Price, BeforeValidator(price_of_pair)]], BeforeValidator(from_json)]
RoleMap = Annotated[dict[str, Role], BeforeValidator(from_json)]
TokenSecret = Annotated[SecretStr, AfterValidator(token_secret)]
SecretsKey = Annotated[SecretStr, AfterValidator(secrets_key)]
Issuer = Annotated[str, Field(max_length=300), AfterValidator(issuer)]
KeySetAddress = Annotated[str, AfterValidator(key_set_address)]
DatabaseAddress = Annotated[SecretStr, AfterValidator(database_address)]
RedisAddress = Annotated[SecretStr, AfterValidator(redis_address)]
Commas = BeforeValidator(split)
RetryDelays = Annotated[list[Annotated[float, Field(ge=0, le=_MONTH)]], Commas, AfterValidator(first_at_once)]
Seconds = Annotated[int, Field(gt=0)]
