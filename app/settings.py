"""All settings. They come from the environment alone and are checked once, when a process starts."""

import ipaddress
import os
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, SecretStr, ValidationError, ValidationInfo, field_validator

from app.setting_faults import names_of_other_versions, setting_fault
from app.setting_types import (
    Commas,
    DatabaseAddress,
    DatabasePooler,
    Network,
    Origin,
    Prices,
    PublicAddress,
    Query,
    Rate,
    RedisAddress,
    RequestRate,
    RetryDelays,
    Seconds,
    SecretsKey,
    WebAddress,
    check_printable,
)
from app.sign_in_settings import SignInSettings


class WrongSetting(Exception):
    """Settings are missing or have wrong values; each argument is a line that names them and repeats no secret."""

    def __str__(self) -> str:
        return "; ".join(self.args)


class UnusableSetting(Exception):
    """A setting is well-formed, but what it names cannot be used at the moment: a port that is taken, a server that
    does not answer. The message names the setting and repeats no secret."""


# The settings that name a model whose calls cost money.
_PAID_MODELS = ("openai_model", "openai_second_model", "embedding_model")


class Settings(SignInSettings):
    """Every setting with its meaning and default."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    database_url: DatabaseAddress | None = Field(
        None,
        description="PostgreSQL 14 or newer with the vector extension; if unset, `make run` starts its own server, "
        "and the other commands use that one",
    )
    migrate_database_url: DatabaseAddress | None = Field(
        None,
        description="the database without a pooler between, for `assay migrate` and other commands that need a "
        "session; if unset, DATABASE_URL",
    )
    database_read_url: DatabaseAddress | None = Field(
        None,
        description="a streaming replica of DATABASE_URL, from which servers read statistics, grade books, exports of "
        "feedback and what the API lists for staff; if unset, or while it cannot be used, they read from DATABASE_URL",
    )
    database_read_max_lag: float = Field(
        30, gt=0, le=3600, description="seconds that the replica may be behind; while it is more, it is not used"
    )
    database_pooler: DatabasePooler = Field(
        "auto",
        description="whether a pooler such as PgBouncer gives each transaction another session (`transaction`) or not "
        "(`session`, also without a pooler); `auto` expects it where a pooler is found",
    )
    database_pool_size: int = Field(
        16,
        ge=2,
        le=1000,
        description="connections that one process of a server or worker opens at most; all of them have to fit "
        "into what Postgres or the pooler allows",
    )
    redis_url: RedisAddress | None = Field(None, description="Redis or Valkey; if unset, as for DATABASE_URL")
    host: str = Field("127.0.0.1", description="address that the API listens on")
    port: int = Field(8080, ge=0, le=65535, description="port that the API listens on")
    public_url: PublicAddress = Field(
        "", description="address of the API for its clients, with the path if a proxy serves it under one"
    )
    max_connections: int = Field(
        30_000, ge=1, description="open connections of one server process; further ones are closed at once"
    )
    rate_limit: RequestRate = Field(
        Rate(600, 60),
        description="requests in so many seconds that one process takes of each caller with a valid token; 0 is no "
        "limit",
    )
    rate_limit_address: RequestRate = Field(
        Rate(600, 60), description="the same for the requests of one address without a valid token"
    )
    trusted_proxies: Annotated[list[Network], Commas] = Field(
        default_factory=list,
        description="networks of proxies whose X-Forwarded-For and X-Forwarded-Proto count, in CIDR notation, with "
        "commas between",
    )
    cors_origins: Annotated[list[Origin], Commas] = Field(
        default_factory=list,
        description="origins of pages whose scripts may call the API, such as https://example.org, with commas between",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="lowest level that is logged")

    metrics_token: SecretStr | None = Field(
        None, description="bearer token that /metrics needs; if unset, it needs none"
    )

    openai_api_key: SecretStr | None = Field(
        None, description="key of the model provider; if unset, essays are scored by the local estimate"
    )
    openai_base_url: WebAddress | None = Field(None, description="address of another provider with the OpenAI API")
    openai_model: str = Field("gpt-5-mini", description="model that scores essays")
    openai_second_model: str | None = Field(
        None, description="model for a second opinion; essays on which both differ are marked for review"
    )
    openai_timeout: float = Field(60, gt=0, le=3600, description="seconds for one model call")
    openai_structured_output: Literal["auto", "schema", "object", "none"] = Field(
        "auto",
        description="how the endpoint is made to answer in JSON: by a schema, as any JSON object, or by the prompt "
        "alone; `auto` begins with the schema and goes on to what the endpoint does not refuse",
    )
    openai_max_tokens: int = Field(
        8_000, ge=0, le=1_000_000, description="tokens of an answer at most, thinking included; 0 sends no limit"
    )
    openai_effort: Annotated[str, Field(pattern=r"^[A-Za-z_-]{1,20}$")] | None = Field(
        None, description="`reasoning_effort` of calls, such as low or medium; if unset, none is sent"
    )
    openai_extra_query: Query = Field(
        default_factory=dict,
        description="query of each request, such as api-version=2024-10-21; added to that of OPENAI_BASE_URL",
    )
    recommend_with_model: bool = Field(
        False,
        description="whether OPENAI_MODEL also reads what students want, orders the recommendations and words their "
        "reasons; two calls for each assessment",
    )
    embedding_model: Annotated[str, Field(pattern=r"^\S{1,200}$")] | None = Field(
        None,
        description="embedding model of the same provider, with 384 dimensions; "
        "if it or the key is unset, the built-in offline model is used",
    )
    embedding_batch: int = Field(96, ge=1, le=2048, description="texts of one request to the embedding model at most")
    embedding_dimensions: int | None = Field(
        None,
        ge=0,
        le=100_000,
        description="`dimensions` of requests to the embedding model; 0 sends none; if unset, 384 is sent to models "
        "with text-embedding-3 in their name",
    )
    model_prices: Prices = Field(
        default_factory=dict,
        description='dollars for a million tokens in and out, by model: {"gpt-5-mini": {"in": 0.25, "out": 2}}',
    )
    model_budget_usd: float | None = Field(None, ge=0, description="dollars that model calls may cost in a day (UTC)")
    owner_budget_share: float = Field(
        0.1,
        gt=0,
        le=1,
        description="share of MODEL_BUDGET_USD that the calls for one student, for essays and recommendations, may "
        "take up in a day",
    )
    essay_fallback: Literal["local", "none"] = Field(
        "local", description="essays that the model cannot score get the local estimate, or no score"
    )

    worker_concurrency: int = Field(
        100,
        ge=1,
        le=1000,
        description="essay jobs that one process of a worker runs at the same time, and recommendation jobs with "
        "RECOMMEND_WITH_MODEL; one student's essay jobs take half of them at most",
    )
    job_max_attempts: int = Field(4, ge=1, le=20, description="attempts before a job counts as failed")
    job_max_crashes: int = Field(3, ge=1, le=20, description="worker crashes before a job counts as failed")
    job_retry_delay: float = Field(
        2, gt=0, le=300, description="seconds before the second attempt; doubled for each further one, at most 300"
    )
    job_lease_seconds: float = Field(
        15, ge=1, le=600, description="seconds after which the job of a worker that has died is taken by another"
    )
    shutdown_timeout: Seconds = Field(30, description="seconds to finish or hand back work after SIGTERM")

    secrets_key: SecretsKey | None = Field(None, description="32 bytes, base64, that encrypt stored webhook secrets")
    webhook_allow_http: bool = Field(False, description="whether webhooks may use http instead of https")
    webhook_allowed_networks: Annotated[list[Network], Commas] = Field(
        default_factory=list,
        description="private networks that webhooks may reach, in CIDR notation, with commas between",
    )
    webhook_retry_delays: RetryDelays = Field(
        default=[0, 5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400],
        description="seconds before each attempt to deliver a webhook, with commas between; the first is 0",
    )
    webhook_timeout: float = Field(15, gt=0, le=60, description="seconds for one attempt")

    assessment_ttl: Seconds = Field(86_400, description="seconds that a student has from start to submission")
    max_queued_assessments: int = Field(
        10_000, ge=1, description="submissions that may wait for their result; further ones are answered 503"
    )
    owner_max_waiting: int = Field(
        5, ge=1, description="submissions of one student that may wait for their result; further ones are answered 429"
    )
    owner_starts_per_day: int = Field(
        50, ge=1, description="assessments that one student may start within 24 hours; further starts are answered 429"
    )
    review_below_confidence: float = Field(
        0.3, ge=0, le=1, description="confidence below which an essay's score is provisional and needs a person"
    )
    appeal_days: float = Field(
        14, ge=0, le=36_500, description="days after a result in which its owner may appeal its scores; 0 for none"
    )
    rescore_degraded: bool = Field(True, description="whether degraded essays are scored again when the model is back")
    rescore_interval: Seconds = Field(60, description="seconds between searches for degraded essays")
    rescore_max_age: Seconds = Field(604_800, description="age in seconds from which a degraded result stays as it is")
    retention_days: Annotated[int, Field(ge=1, le=36_500)] | None = Field(None, description="days to keep assessments")
    assay_data_dir: str = Field(".data", description="folder of the PostgreSQL and Valkey that `make run` starts")

    @field_validator("*", mode="before")
    @classmethod
    def _without_surrounding_space(cls, value: Any) -> Any:
        """Files and shells like to add a newline, and no value begins or ends with white space."""
        return value.strip() if isinstance(value, str) else value

    @field_validator("*")
    @classmethod
    def _in_printable_ascii(cls, value: Any, info: ValidationInfo) -> Any:
        """Secrets, addresses and names of models travel in headers and URLs or are compared elsewhere: other characters
        fail far from here, and some cannot be seen there."""
        named = isinstance(value, str) and str(info.field_name).endswith(("_url", "_model"))
        if named or isinstance(value, SecretStr):
            check_printable(value)
        return value

    @field_validator("model_budget_usd")
    @classmethod
    def _has_prices(cls, value: float | None, info: ValidationInfo) -> float | None:
        """A budget needs the price of every model that is called."""
        known = info.data
        if value is not None and known.get("openai_api_key") is not None:
            prices = known.get("model_prices", ())
            for model in (known.get(name) for name in _PAID_MODELS):
                if model is not None and model not in prices:
                    raise ValueError(f"needs the price of {model} in MODEL_PRICES")
        return value

    @property
    def models(self) -> tuple[str, ...]:
        """The models that score essays: the first, and the second where there is one."""
        return (self.openai_model, *([self.openai_second_model] if self.openai_second_model else []))

    @property
    def webhook_networks(self) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
        """The private networks that webhooks may reach."""
        return tuple(ipaddress.ip_network(network) for network in self.webhook_allowed_networks)

    def with_values(self, **values: Any) -> "Settings":
        """A copy with some values replaced, checked like any other."""
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


def load_settings(environment: Mapping[str, str] = os.environ, /, **overrides: Any) -> Settings:
    """The settings of this process.

    Raises:
        WrongSetting: a value is wrong, or a setting of another version is set.
    """
    if names := names_of_other_versions(environment, Settings.model_fields):
        raise WrongSetting(f"{', '.join(names)}: not a setting of this version, so it would have no effect; unset it")
    # pydantic-settings would do this too, but loading it takes a tenth of a second for features not needed here.
    values = {name: environment.get(name.upper(), "").strip() for name in Settings.model_fields}
    try:
        return Settings(**{name: value for name, value in values.items() if value} | overrides)
    except ValidationError as error:
        raise WrongSetting(*map(setting_fault, error.errors())) from None
