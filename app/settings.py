"""All settings. They come from the environment alone and are checked once, at the start."""

import ipaddress
import json
import os
import re
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)


class WrongSetting(Exception):
    """A setting that stops the start; the message names it."""


class Price(BaseModel):
    """Dollars for a million tokens."""

    input: float = Field(ge=0, alias="in")
    output: float = Field(ge=0, alias="out")


def _pair(value: Any) -> Any:
    return {"in": value[0], "out": value[1]} if isinstance(value, list) and len(value) == 2 else value


def _split(value: Any) -> Any:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _from_json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def _web_address(value: str) -> str:
    if not re.fullmatch(r"https?://[^\s/]+(/\S*)?", value):
        raise ValueError("must be an http or https address")
    return value


def _origin(value: str) -> str:
    if not re.fullmatch(r"https?://[^\s/*]+", value):
        raise ValueError("must be origins such as https://app.example, without a path")
    return value


def _network(value: str) -> str:
    ipaddress.ip_network(value)
    return value


Commas = BeforeValidator(_split)
Seconds = Annotated[int, Field(gt=0)]
_MONTH = 2_592_000
# The settings that name a model whose calls cost money.
_PRICED = ("openai_model", "openai_second_model", "summary_model", "embedding_model")
LATER = "(not in effect yet) "


class Settings(BaseModel):
    """Every setting with its meaning and default."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    database_url: SecretStr | None = Field(
        None, description="PostgreSQL 14 or newer with the vector extension; embedded where `assay up` finds none"
    )
    redis_url: SecretStr | None = Field(None, description="Redis or Valkey; embedded where `assay up` finds none")
    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8080, ge=0, le=65535, description="port to listen on")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="least level that is logged")

    jwt_secret: SecretStr | None = Field(None, description="secret of HS256 tokens, 32 bytes or more")
    jwt_jwks_url: str | None = Field(None, description=LATER + "keys of RS256, ES256 and EdDSA tokens")
    jwt_issuer: str | None = Field(None, description="`iss` that tokens must have")
    jwt_audience: str | None = Field(None, description="`aud` that tokens must have")

    openai_api_key: SecretStr | None = Field(None, description="key of the model; without it essays are scored locally")
    openai_base_url: Annotated[str, AfterValidator(_web_address)] | None = Field(
        None, description="another endpoint that speaks the OpenAI API"
    )
    openai_model: str = Field("gpt-5-mini", description="model that scores essays")
    openai_second_model: str | None = Field(None, description="another model, whose opinion stands beside the first")
    summary_model: Annotated[str, Field(pattern=r"^\S{1,200}$")] | None = Field(
        None,
        description="model that phrases the summaries of results, of which each sentence is checked; "
        "without it or without a key the plain sentences stand",
    )
    openai_timeout: float = Field(60, gt=0, le=3600, description="seconds for one model call")
    embedding_model: Annotated[str, Field(pattern=r"^\S{1,200}$")] | None = Field(
        None,
        description="model of the same endpoint for the search by meaning, its vectors 384 long; "
        "without it or without a key the offline model does that",
    )
    model_prices: Annotated[dict[str, Annotated[Price, BeforeValidator(_pair)]], BeforeValidator(_from_json)] = Field(
        default_factory=dict,
        description='dollars for a million tokens by model, as JSON: {"gpt-5-mini": {"in": 0.25, "out": 2}}',
    )
    model_budget_usd: float | None = Field(None, ge=0, description="dollars a day (UTC) for model calls")
    essay_fallback: Literal["local", "none"] = Field(
        "local", description="what becomes of an essay that the model cannot score: a local estimate, or no score"
    )

    worker_concurrency: int = Field(100, ge=1, le=1000, description="essay jobs at the same time in one worker")
    job_max_attempts: int = Field(4, ge=1, le=20, description="tries of a job that fails")
    job_max_crashes: int = Field(3, ge=1, le=20, description="workers that a job may take down before it is given up")
    job_retry_delay: float = Field(
        2, gt=0, le=300, description="seconds to the second try; doubled, jittered, up to 300"
    )
    job_lease_seconds: float = Field(15, ge=1, le=600, description="seconds after which a silent worker's job is free")
    shutdown_timeout: Seconds = Field(30, description="seconds to finish or hand back what runs after SIGTERM")

    webhook_allow_http: bool = Field(False, description="whether webhooks may go to http addresses")
    webhook_allowed_networks: Annotated[list[Annotated[str, BeforeValidator(_network)]], Commas] = Field(
        default_factory=list, description="networks (CIDR, commas) that webhooks may reach though not public"
    )
    webhook_retry_delays: Annotated[list[Annotated[float, Field(ge=0, le=_MONTH)]], Commas] = Field(
        default=[0, 5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400],
        description="seconds between tries, commas, the first is 0",
    )
    webhook_timeout: float = Field(15, gt=0, le=60, description="seconds for one try")

    assessment_ttl: Seconds = Field(86_400, description="seconds to answer and submit")
    max_queued_assessments: int = Field(10_000, ge=1, description="submissions that may wait for their result")
    rate_limit: str = Field(
        "600/60",
        pattern=r"^(0|[1-9]\d*/[1-9]\d*)$",
        description=LATER + "requests per seconds for each caller; 0 is off",
    )
    rescore_degraded: bool = Field(True, description="score degraded essays again when the model is back")
    rescore_interval: Seconds = Field(60, description="seconds between looks for them")
    rescore_max_age: Seconds = Field(604_800, description="seconds after which a result is left as it is")
    cors_origins: Annotated[list[Annotated[str, AfterValidator(_origin)]], Commas] = Field(
        default_factory=list, description=LATER + "exact origins, commas, that browsers may call from"
    )
    assay_data_dir: str = Field(".data", description="folder of the embedded servers")

    @field_validator("model_budget_usd")
    @classmethod
    def _priced(cls, value: float | None, info: ValidationInfo) -> float | None:
        """Without their prices nobody could say what the models cost."""
        known = info.data
        if value is not None and known.get("openai_api_key") is not None:
            prices = known.get("model_prices", ())
            for model in (known.get(name) for name in _PRICED):
                if model is not None and model not in prices:
                    raise ValueError(f"needs the price of {model} in MODEL_PRICES")
        return value

    @property
    def models(self) -> tuple[str, ...]:
        """The models that score essays: the first, and the second where there is one."""
        return (self.openai_model, *([self.openai_second_model] if self.openai_second_model else []))

    @field_validator("jwt_secret")
    @classmethod
    def _long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value().encode()) < 32:
            raise ValueError("must have 32 bytes or more")
        return value

    @field_validator("database_url")
    @classmethod
    def _postgres(cls, value: SecretStr | None) -> SecretStr | None:
        return _with_scheme(value, ("postgres://", "postgresql://"))

    @field_validator("redis_url")
    @classmethod
    def _redis(cls, value: SecretStr | None) -> SecretStr | None:
        return _with_scheme(value, ("redis://", "rediss://", "unix://"))

    @field_validator("webhook_retry_delays")
    @classmethod
    def _first_at_once(cls, value: list[float]) -> list[float]:
        if not value or value[0] != 0:
            raise ValueError("the first delay must be 0")
        return value

    @property
    def webhook_networks(self) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
        """Networks that webhooks may reach though they are not public."""
        return tuple(ipaddress.ip_network(network) for network in self.webhook_allowed_networks)

    def with_values(self, **values: Any) -> "Settings":
        """These settings with some others in place of theirs, checked like any."""
        return Settings(**{name: getattr(self, name) for name in self.model_fields_set} | values)

    def secret(self, name: Literal["database_url", "redis_url", "jwt_secret"]) -> str:
        """The value of a setting that a command cannot do without.

        Raises:
            WrongSetting: it is not set.
        """
        value: SecretStr | None = getattr(self, name)
        if value is None:
            raise WrongSetting(f"{name.upper()} is not set")
        return value.get_secret_value()


def load_settings(**overrides: Any) -> Settings:
    """The settings of this process.

    Raises:
        WrongSetting: a value is wrong; names the setting without repeating a secret.
    """
    # pydantic-settings would do this too, but loads for a tenth of a second what is not needed here: files, commands.
    given = {name: os.environ.get(name.upper()) for name in Settings.model_fields}
    try:
        return Settings(**{name: value for name, value in given.items() if value} | overrides)
    except ValidationError as error:
        wrong = "; ".join(
            f"{str(fault['loc'][0]).upper()}: {fault['msg'].removeprefix('Value error, ')}" for fault in error.errors()
        )
        raise WrongSetting(wrong) from None


def _with_scheme(value: SecretStr | None, schemes: tuple[str, ...]) -> SecretStr | None:
    if value is not None and not value.get_secret_value().startswith(schemes):
        raise ValueError(f"must start with {' or '.join(schemes)}")
    return value
