"""Types of settings, and the checks and conversions of their values."""

import ipaddress
import json
import re
from typing import Annotated, Any
from urllib.parse import parse_qsl

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, SecretStr

from app.database_url import parse_database_url
from app.redis_url import parse_redis_url


class Price(BaseModel):
    """Dollars for a million tokens."""

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


def database_address(value: SecretStr) -> SecretStr:
    """The address of a PostgreSQL, if it can be read."""
    _check_url(value, ("postgres://", "postgresql://"))
    parse_database_url(value.get_secret_value())
    return value


def redis_address(value: SecretStr) -> SecretStr:
    """The address of a Redis or Valkey, if it can be read."""
    _check_url(value, ("redis://", "rediss://", "unix://"))
    parse_redis_url(value.get_secret_value())
    return value


def _check_url(value: SecretStr, schemes: tuple[str, ...]) -> None:
    """Raises ValueError unless the URL has one of the schemes and readable hosts."""
    scheme, _, rest = value.get_secret_value().partition("://")
    if f"{scheme}://" not in schemes:
        raise ValueError(f"must start with {' or '.join(schemes)}")
    hosts = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2]
    if not all(re.fullmatch(r"(\[[^\[\]]*\]|[^:\[\]]*)(:\d{0,5})?", host) for host in hosts.split(",")):
        raise ValueError("has no readable host and port; in a user or password, write / ? # @ : as %2F %3F %23 %40 %3A")


WebAddress = Annotated[str, AfterValidator(web_address)]
PublicAddress = Annotated[str, Field(max_length=200), AfterValidator(public_address)]
Query = Annotated[dict[str, str], BeforeValidator(query)]
Network = Annotated[str, BeforeValidator(network)]
Prices = Annotated[dict[str, Annotated[Price, BeforeValidator(price_of_pair)]], BeforeValidator(from_json)]
DatabaseAddress = Annotated[SecretStr, AfterValidator(database_address)]
RedisAddress = Annotated[SecretStr, AfterValidator(redis_address)]
Commas = BeforeValidator(split)
Seconds = Annotated[int, Field(gt=0)]
