"""HTTP requests with retries: which responses are retried, after which pause, and until when."""

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import aiohttp
from aiohttp_retry import RetryClient, RetryOptionsBase
from pydantic import BaseModel, ValidationError

from assay_client.errors import (
    AssayError,
    AssayUnavailable,
    Problem,
    no_response_problem,
    parse_problem,
    unreadable_problem,
)
from assay_client.pacing import Clock, Pacing, parse_retry_after

# 502 and 504 come from proxies while the servers behind them restart.
_TRANSIENT_STATUSES = (429, 502, 503, 504)
_IN_FLIGHT = "/idempotency-key-in-flight"
_NO_RESPONSE = (aiohttp.ClientError, OSError, TimeoutError)
_KEY = re.compile(r"[!-~]{1,255}")
# aiohttp-retry logs exceptions with everything they hold, the token included, so its messages are dropped.
_SILENT_LOGGER = logging.Logger("aiohttp_retry", logging.CRITICAL + 1)

ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(frozen=True)
class Request:
    """A request, the same for all attempts. `etag` is sent as If-None-Match; `wait` is how many whole seconds the
    service may hold a long poll; with `retry` false there is one attempt."""

    method: str
    path: str
    body: Any = None
    query: Mapping[str, str] | None = None
    key: str | None = None
    etag: str | None = None
    wait: int = 0
    retry: bool = True

    def __post_init__(self) -> None:
        if self.key is not None and not _KEY.fullmatch(self.key):
            raise ValueError("an idempotency key has 1 to 255 visible ASCII characters")

    @property
    def name(self) -> str:
        """Method and path, as error messages show them."""
        return f"{self.method} {self.path}"

    @property
    def headers(self) -> dict[str, str]:
        """The headers, apart from the token."""
        headers: dict[str, str] = {}
        if self.body is not None:
            headers["Content-Type"] = "application/json"
        if self.etag is not None:
            headers["If-None-Match"] = self.etag
        if self.key is not None:
            # Quoted as a structured-field string: bare, a key that begins with a quotation mark would be another key.
            escaped = re.sub(r'(["\\])', r"\\\1", self.key)
            headers["Idempotency-Key"] = f'"{escaped}"'
        return headers

    @property
    def parameters(self) -> dict[str, str]:
        """The query parameters."""
        return dict(self.query or {}) | ({"wait": str(self.wait)} if self.wait else {})


@dataclass(frozen=True)
class Response:
    """A response whose body has been read; `request` is the name of its request."""

    request: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def retry_after(self) -> float | None:
        """Seconds that the service asks to wait."""
        return parse_retry_after(self.headers.get("Retry-After"))

    @property
    def problem(self) -> Problem:
        """The problem of a response with an error status."""
        return parse_problem(self.status, self.body, self.retry_after, self.headers.get("X-Request-ID"))

    @property
    def is_transient(self) -> bool:
        """Whether a retry of the request may succeed. Of the conflicts, only the one with a running request of the same
        key passes by itself."""
        if self.status == 409:
            return self.problem.type.endswith(_IN_FLIGHT)
        return self.status in _TRANSIENT_STATUSES

    def parse(self, model: type[ModelT]) -> ModelT:
        """Parses the body.

        Raises:
            AssayError: the body does not fit the model.
        """
        try:
            return model.model_validate_json(self.body)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        location = "/".join(map(str, first["loc"]))
        reason = f"not a valid {model.__name__}: {location}: {first['msg']}"
        # Outside of the except block, so that no traceback shows the body.
        raise AssayError(self.request, unreadable_problem(self.status, reason))


class Transport:
    """A session that sends requests with the token and retries them."""

    def __init__(self, base_url: str, token: str, pacing: Pacing, clock: Clock) -> None:
        self.pacing = pacing
        self.clock = clock
        self._base_url = base_url
        session = aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"})
        self._client = RetryClient(session, _SILENT_LOGGER)

    async def close(self) -> None:
        """Closes all connections."""
        await self._client.close()

    async def send(self, request: Request) -> Response:
        """Sends the request until there is a response with a success status or 304.

        Raises:
            AssayUnavailable: only transient errors within the limits.
            AssayError: the response is an error that a retry does not change.
            ValueError: the body cannot be written as JSON.
        """
        # Raised here, where no exception is being handled: those of aiohttp hold the token.
        response = await self._last_response(request)
        if isinstance(response, str):
            raise AssayUnavailable(request.name, no_response_problem(response), request.key)
        if response.is_transient:
            raise AssayUnavailable(request.name, response.problem, request.key)
        if not (200 <= response.status < 300 or response.status == 304):
            raise AssayError(request.name, response.problem)
        return response

    async def _last_response(self, request: Request) -> Response | str:
        """The response to the last attempt, or why it has none."""
        sending = self._client.request(
            request.method,
            self._base_url + request.path,
            _RetryOptions(request, self.pacing, self.clock),
            data=None if request.body is None else _encode(request.body),
            params=request.parameters,
            headers=request.headers,
            timeout=aiohttp.ClientTimeout(total=self.pacing.try_seconds + request.wait),
            # The token is for this service only.
            allow_redirects=False,
        )
        try:
            async with sending as response:
                return await _read(request, response)
        except _RetryTooLate as stop:
            return stop.response or _describe(stop.__context__)
        except _NO_RESPONSE as error:
            return _describe(error)


class _RetryTooLate(Exception):
    """The next attempt would begin after the time limit. Raised after a response, or while the exception of an attempt
    without one is handled."""

    def __init__(self, response: Response | None) -> None:
        self.response = response


class _RetryOptions(RetryOptionsBase):
    """When aiohttp-retry retries a request."""

    def __init__(self, request: Request, pacing: Pacing, clock: Clock) -> None:
        super().__init__(
            attempts=pacing.tries if request.retry else 1,
            exceptions=_NO_RESPONSE,
            retry_all_server_errors=False,
            evaluate_response_callback=self._is_conclusive,
        )
        self._request = request
        self._pacing = pacing
        self._clock = clock
        self._deadline = clock.now() + pacing.seconds
        self._last: Response | None = None

    async def _is_conclusive(self, response: aiohttp.ClientResponse) -> bool:
        # The body is read here, so that one that breaks off is retried as well.
        self._last = await _read(self._request, response)
        return not self._last.is_transient

    def get_timeout(self, attempt: int, response: aiohttp.ClientResponse | None = None) -> float:
        """Seconds until the next attempt.

        Raises:
            _RetryTooLate: it would begin after the time limit.
        """
        last = None if response is None else self._last
        pause = self._pacing.pause(attempt, last.retry_after if last else None)
        if self._clock.now() + pause > self._deadline:
            raise _RetryTooLate(last)
        return self._clock.real(pause)


async def _read(request: Request, response: aiohttp.ClientResponse) -> Response:
    return Response(request.name, response.status, response.headers, await response.read())


def _encode(body: Any) -> bytes:
    # JSON has no NaN or infinity; json would write them, and the service could not read the body.
    return json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _describe(error: BaseException | None) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
