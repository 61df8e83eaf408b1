"""One call as many tries: what is asked again, when, and until when."""

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import aiohttp
from aiohttp_retry import RetryClient, RetryOptionsBase
from pydantic import BaseModel, ValidationError

from assay_client.errors import AssayError, AssayUnavailable, Problem, read_problem, silence, unreadable
from assay_client.pacing import Clock, Pacing, seconds_asked

# What a proxy says while its servers restart is passing trouble as well.
_PASSING = (429, 502, 503, 504)
_IN_FLIGHT = "/idempotency-key-in-flight"
_NO_ANSWER = (aiohttp.ClientError, OSError, TimeoutError)
_KEY = re.compile(r"[!-~]{1,255}")
# The library tells its logger of errors with all that they hold, the token included.
_NOBODY = logging.Logger("aiohttp_retry", logging.CRITICAL + 1)

Shape = TypeVar("Shape", bound=BaseModel)


@dataclass(frozen=True)
class Call:
    """A request that may be sent several times: everything that this client sends is safe to repeat. `wait` (whole
    seconds) is how long the service may take on purpose; `once` leaves trying again to the caller."""

    method: str
    path: str
    body: Any = None
    query: dict[str, str] | None = None
    key: str | None = None
    tag: str | None = None
    wait: int = 0
    once: bool = False

    def __post_init__(self) -> None:
        if self.key is not None and not _KEY.fullmatch(self.key):
            raise ValueError("an idempotency key has 1 to 255 visible ASCII characters")

    @property
    def asked(self) -> str:
        """What errors call it."""
        return f"{self.method} {self.path}"

    @property
    def headers(self) -> dict[str, str]:
        """The same for every try."""
        told = {} if self.body is None else {"Content-Type": "application/json"}
        told |= {} if self.tag is None else {"If-None-Match": self.tag}
        # Quoted, as the standard has it: bare, a key that begins with a quotation mark would mean another.
        quoted = None if self.key is None else '"' + re.sub(r'(["\\])', r"\\\1", self.key) + '"'
        return told if quoted is None else told | {"Idempotency-Key": quoted}

    @property
    def parameters(self) -> dict[str, str]:
        """The query."""
        return (self.query or {}) | ({"wait": str(self.wait)} if self.wait else {})


@dataclass(frozen=True)
class Answer:
    """An answer with its body read."""

    asked: str
    status: int
    headers: Mapping[str, str]
    raw: bytes

    @property
    def retry_after(self) -> float | None:
        """Seconds that the service asks to wait."""
        return seconds_asked(self.headers.get("Retry-After"))

    @property
    def problem(self) -> Problem:
        """What went wrong, where the status says that something did."""
        return read_problem(self.status, self.raw, self.retry_after, self.headers.get("X-Request-ID"))

    def read(self, shape: type[Shape]) -> Shape:
        """The body; fields that this version does not know are left out.

        Raises:
            AssayError: it is not of this shape.
        """
        try:
            return shape.model_validate_json(self.raw)
        except ValidationError as error:
            fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
        reason = f"no {shape.__name__}: {'/'.join(map(str, fault['loc']))}: {fault['msg']}"
        raise AssayError(self.asked, unreadable(self.status, reason))


class Transport:
    """Sends calls over one session, with the token, until they are answered or their limits are reached."""

    def __init__(self, base_url: str, token: str, pacing: Pacing, clock: Clock) -> None:
        self.pacing = pacing
        self.clock = clock
        self._base = base_url
        session = aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"})
        self._retrying = RetryClient(session, _NOBODY)

    async def close(self) -> None:
        """Closes all connections."""
        await self._retrying.close()

    async def call(self, call: Call) -> Answer:
        """The answer, which is of success or 304.

        Raises:
            AssayUnavailable: no answer but passing trouble within the limits.
            AssayError: the answer is a problem.
        """
        # Raised out here, where no exception is being handled: those of aiohttp hold the token.
        answer = await self._last_answer(call)
        if isinstance(answer, str):
            raise AssayUnavailable(call.asked, silence(answer), call.key)
        if _is_passing(answer.status, answer.raw):
            raise AssayUnavailable(call.asked, answer.problem, call.key)
        if not (200 <= answer.status < 300 or answer.status == 304):
            raise AssayError(call.asked, answer.problem)
        return answer

    async def _last_answer(self, call: Call) -> Answer | str:
        """The answer to the last try, or why there is none."""
        request = self._retrying.request(
            call.method,
            self._base + call.path,
            _Tries(call, self.pacing, self.clock),
            data=None if call.body is None else _encode(call.body),
            params=call.parameters,
            headers=call.headers,
            timeout=aiohttp.ClientTimeout(total=self.pacing.try_seconds + call.wait),
            # The token is for this service alone.
            allow_redirects=False,
        )
        try:
            async with request as response:
                return Answer(call.asked, response.status, response.headers, await response.read())
        except _TimeIsUp as up:
            return up.answer or _reason(up.__context__)
        except _NO_ANSWER as error:
            return _reason(error)


class _TimeIsUp(Exception):
    """Nothing can be tried again in time after this answer, or after the exception in whose wake this one is raised."""

    def __init__(self, answer: Answer | None) -> None:
        self.answer = answer


class _Tries(RetryOptionsBase):
    """The tries of one call."""

    def __init__(self, call: Call, pacing: Pacing, clock: Clock) -> None:
        super().__init__(
            attempts=1 if call.once else pacing.tries,
            exceptions=_NO_ANSWER,
            retry_all_server_errors=False,
            evaluate_response_callback=self._is_answer,
        )
        self._asked = call.asked
        self._pacing = pacing
        self._clock = clock
        self._end = clock.now() + pacing.seconds
        self._last: Answer | None = None

    async def _is_answer(self, response: aiohttp.ClientResponse) -> bool:
        # Read here, a body that breaks off is tried again as well.
        raw = await response.read()
        self._last = Answer(self._asked, response.status, response.headers, raw)
        return not _is_passing(response.status, raw)

    def get_timeout(self, attempt: int, response: aiohttp.ClientResponse | None = None) -> float:
        """Seconds until the next try.

        Raises:
            _TimeIsUp: it would come too late.
        """
        last = None if response is None else self._last
        pause = self._pacing.pause(attempt, last.retry_after if last else None)
        if self._clock.now() + pause > self._end:
            raise _TimeIsUp(last)
        return self._clock.real(pause)


def _encode(body: Any) -> bytes:
    """The body as UTF-8 JSON, which has neither NaN nor infinity: ValueError where the body has one."""
    return json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _is_passing(status: int, raw: bytes) -> bool:
    """Whether the same request may be answered otherwise in a while. A conflict stays one, but for a twin of this
    request that still runs."""
    if status == 409:
        return read_problem(status, raw, None, None).type.endswith(_IN_FLIGHT)
    return status in _PASSING


def _reason(error: BaseException | None) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
