"""Log lines about outages of Postgres and Redis: one when an outage begins, at most one a minute while it lasts, and
one when it is over. Everything that fails meanwhile reports here instead of logging a line of its own."""

import logging
import time
from collections.abc import Callable

import asyncpg
import structlog
from redis.exceptions import AuthenticationError, NoPermissionError

log = structlog.get_logger()

_SECONDS_BETWEEN_LINES = 60.0
# Without a failure for this long, and with a successful probe, an outage is over.
_QUIET_SECONDS = 5.0


class Outage:
    """What is known in this process about one kind of outage. `context` is added to each of its log lines, and what to
    do where `advise` knows it."""

    def __init__(
        self,
        began: str,
        ended: str,
        level: int = logging.WARNING,
        clock: Callable[[], float] = time.monotonic,
        advise: Callable[[BaseException], str | None] = lambda error: None,
        **context: str,
    ) -> None:
        self._advise = advise
        self._began, self._ended, self._context = began, ended, context
        self._level, self._clock = level, clock
        self._since: float | None = None
        self._logged = self._failed = 0.0
        self._failures = 0

    @property
    def is_ongoing(self) -> bool:
        """Whether it was reported and is not over."""
        return self._since is not None

    def report(self, error: BaseException, during: str) -> None:
        """Notes a failure; logs it when the outage begins, and once a minute with the number of failures so far."""
        now = self._clock()
        first = self._since is None
        if self._since is None:
            self._since, self._failures = now, 0
        self._failed = now
        self._failures += 1
        if first or now - self._logged >= _SECONDS_BETWEEN_LINES:
            self._logged = now
            lasting = {} if first else {"seconds": round(now - self._since), "failures": self._failures}
            advice = {"action": action} if (action := self._advise(error)) else {}
            log.log(self._level, self._began, **self._context, **advice, during=during, error=repr(error), **lasting)

    def record_success(self) -> None:
        """Notes that a probe succeeded; logs the end of the outage unless something has failed only just now."""
        now = self._clock()
        if self._since is not None and now - self._failed >= _QUIET_SECONDS:
            log.info(self._ended, **self._context, seconds=round(now - self._since), failures=self._failures)
            self._since = None


class ModelFault:
    """What an operator has to mend at one model, such as a refused key: logged as an error when it begins or changes,
    and logged when the model works again."""

    def __init__(self, model: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._model, self._clock = model, clock
        self._action: str | None = None
        self._failed = 0.0

    def report(self, action: str, reason: str, provider_message: str | None) -> None:
        """Notes a fault for which an operator has to take the action."""
        self._failed = self._clock()
        if action != self._action:
            self._action = action
            log.error(
                "model_needs_attention",
                model=self._model,
                reason=reason,
                provider_message=provider_message,
                action=action,
            )

    def record_success(self) -> None:
        """Notes an answer. It ends the fault unless something has failed only just now: a provider may refuse one essay
        and accept the next."""
        if self._action is not None and self._clock() - self._failed >= _QUIET_SECONDS:
            log.info("model_works_again", model=self._model)
            self._action = None


def _advise_on_redis(error: BaseException) -> str | None:
    if isinstance(error, AuthenticationError | NoPermissionError):
        return "check the user, its password and its rights with `assay doctor`"
    return None


REDIS = Outage("redis_unavailable", "redis_available", advise=_advise_on_redis, setting="REDIS_URL")
DATABASE = Outage("database_unavailable", "database_available", setting="DATABASE_URL")
REPLICA = Outage("replica_unusable", "replica_usable", setting="DATABASE_READ_URL", instead="DATABASE_URL")
SCHEMA = Outage(
    "database_not_migrated", "database_migrated", logging.ERROR, setting="DATABASE_URL", action="run `assay migrate`"
)
# These end with a change by an operator, which no probe of ours notices: the lines just stop.
SESSIONS = Outage(
    "database_sessions_mixed",
    "",
    logging.ERROR,
    setting="DATABASE_POOLER",
    action="unset it, or set it to transaction: a pooler gives each transaction another session",
)
RIGHTS = Outage(
    "database_right_missing",
    "",
    logging.ERROR,
    setting="DATABASE_URL",
    action="grant its user what `assay doctor` names",
)
WEBHOOK_SECRETS = Outage(
    "webhook_secrets_unreadable",
    "",
    logging.ERROR,
    setting="SECRETS_KEY",
    action="set it to the key that encrypted them; if that is lost, let owners register their webhooks again",
)
_BY_ERROR: tuple[tuple[tuple[type[Exception], ...], Outage], ...] = (
    ((asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError), SCHEMA),
    ((asyncpg.InvalidSQLStatementNameError, asyncpg.DuplicatePreparedStatementError), SESSIONS),
    ((asyncpg.InsufficientPrivilegeError,), RIGHTS),
)


def report_database_error(error: BaseException, during: str) -> None:
    """Reports an error of `DATABASE_UNAVAILABLE`, with what to do where an operator has to do something."""
    kind = next((outage for errors, outage in _BY_ERROR if isinstance(error, errors)), DATABASE)
    kind.report(error, during)
