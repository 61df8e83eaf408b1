"""The openai SDK as all models of this service use it: how a client is opened, how a request is sent, and what the
SDK's errors mean. Imported only where a model is set up: the SDK takes half a second and tens of megabytes."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol, TypeVar

import aiohttp
import openai

from app.clients.llm.endpoint import AcceptedForms, EndpointOptions, FormsOfCall, Parameter, split_query
from app.clients.llm.error_meaning import PAYMENT_REQUIRED, is_unexplained, meaning
from app.clients.llm.errors_in_success import find_error
from app.clients.llm.gate import ModelGate
from app.clients.llm.provider_messages import message_text, without_secrets
from app.clients.llm.rate_limits import CallOutcome, CallReport, parse_limits, retry_after_seconds
from app.clients.llm.replies import ModelReply
from app.domain.errors import JobError, PermanentError, TransientError
from app.outages import ModelFault

# Timeouts, conflicts, too many requests and the provider's own failures are transient; every other 4xx, and what the
# endpoint does not implement, is permanent.
_TRANSIENT_STATUSES = frozenset({408, 409, 429})
_NOT_IMPLEMENTED = 501
# Statuses of a refusal of a parameter that it names, and of one that may mean any parameter.
_REFUSALS = frozenset({400, 404, 422, 500, _NOT_IMPLEMENTED})
_UNEXPLAINED_REFUSALS = frozenset({400, 422, _NOT_IMPLEMENTED})
# Statuses of errors of which some mean that nothing is left to pay with.
_MAY_BE_SPENT = frozenset({400, PAYMENT_REQUIRED, 403, 429})
# What reading a body of another form raises: the SDK does not validate what it gets.
_UNEXPECTED_FORM = (AttributeError, LookupError, TypeError, ValueError)
# What an operator has to do, by the status of the refusal.
_ACTIONS = {
    401: "check OPENAI_API_KEY",
    403: "check the rights of OPENAI_API_KEY at the provider",
    404: "check the model's name (OPENAI_MODEL, OPENAI_SECOND_MODEL or EMBEDDING_MODEL) and OPENAI_BASE_URL, which "
    "mostly ends in /v1",
}
_QUOTA_ACTION = "raise the quota at the provider, or pay its bill"
_OTHER_ACTION = "read provider_message, and set what the endpoint needs as docs/models.md describes"
_DEFAULT_OPTIONS = EndpointOptions()
# No call uses more; a provider that reports more is not believed.
_MAX_TOKENS = 10_000_000
_OUTCOMES = {
    "model_rate_limited": CallOutcome.RATE_LIMITED,
    "model_timeout": CallOutcome.UNAVAILABLE,
    "model_unreachable": CallOutcome.UNAVAILABLE,
    "model_unavailable": CallOutcome.UNAVAILABLE,
}

_Body_co = TypeVar("_Body_co", covariant=True)
_Body = TypeVar("_Body")
_Reply = TypeVar("_Reply", bound=ModelReply)


class RawResponse(Protocol[_Body_co]):
    """What `with_raw_response` of the SDK returns. Its class is private to the SDK; mypy checks it against this."""

    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def http_response(self) -> Any: ...
    def parse(self) -> _Body_co: ...


@dataclass(frozen=True)
class Request(Generic[_Body, _Reply]):
    """One request: about how many tokens it takes of the provider's limits, how it is sent with parameters of certain
    forms, and how its body is read."""

    tokens: int
    send: Callable[[FormsOfCall], Awaitable[RawResponse[_Body]]]
    read: Callable[[_Body], _Reply]
    reply_type: type[_Reply]


class OpenAIModel:
    """One model behind the API: the SDK's client, and the gate that calls pass first."""

    provider = "openai"

    def __init__(
        self,
        api_key: str,
        base_url: str | None,
        name: str,
        seconds: float,
        gate: ModelGate | None = None,
        options: EndpointOptions = _DEFAULT_OPTIONS,
    ) -> None:
        """A call takes at most so many seconds; with a `gate` it leaves when that lets it."""
        self.name = name
        self._options = options
        self._key = api_key
        self._fault = ModelFault(name)
        self._forms = AcceptedForms(name, self._parameters())
        self._gate = gate
        self._seconds = seconds
        # Callers try again themselves; a second counter in the SDK would multiply the tries.
        # With aiohttp a call takes 4 ms of CPU, with the SDK's own transport 7, when 200 are in flight.
        address, query = split_query(base_url)
        query |= options.extra_query
        self._headers: dict[str, str | openai.Omit] = {}
        if "api-version" in query:
            # Azure knows keys by a header of its own, and takes the usual one for a token of its identity service.
            self._headers = {"api-key": api_key, "Authorization": openai.omit}
        self._client = openai.AsyncOpenAI(
            api_key=api_key,
            base_url=address,
            default_query=query,
            timeout=seconds,
            max_retries=0,
            http_client=openai.DefaultAioHttpClient(timeout=seconds),
        )

    def replaced_forms(self) -> dict[str, str]:
        """The forms of parameters that are sent in the place of those that the endpoint has refused, by setting."""
        return self._forms.replaced()

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.close()

    def _parameters(self) -> Sequence[Parameter]:
        """The parameters that endpoints may refuse."""
        raise NotImplementedError

    async def _call(self, request: "Request[_Body, _Reply]") -> _Reply:
        """The reply to a request; failures are part of it, so that each call can be accounted for.

        Raises:
            TransientError: the gate is closed, so nothing was sent.
        """
        if self._gate is None:
            return (await self._send(request))[0]
        async with self._gate.call(request.tokens) as call:
            reply, call.report = await self._send(request)
        return reply

    async def _send(self, request: "Request[_Body, _Reply]") -> tuple[_Reply, CallReport]:
        started = time.monotonic()
        result, headers = await self._exchange(request)
        reply = request.reply_type(error=result) if isinstance(result, JobError) else result
        latency_ms = round((time.monotonic() - started) * 1000)
        return replace(reply, latency_ms=latency_ms), _report(reply.error, headers)

    async def _exchange(self, request: "Request[_Body, _Reply]") -> tuple[_Reply | JobError, Mapping[str, str]]:
        """What is read of the body, or why there is none; and the response's headers."""
        headers: Mapping[str, str] = {}
        try:
            # The SDK's own limit is for each read: a body that drips would never end.
            async with asyncio.timeout(self._seconds):
                response = await self._send_in_accepted_form(request)
            headers = response.headers
            body = response.parse()
            self._fault.record_success()
            return request.read(body), headers
        except TimeoutError:
            return _timed_out(), headers
        except openai.APIStatusError as error:
            return self._report_fault(error), error.response.headers
        except openai.APIError as error:
            return _other_error(error), headers
        except _UNEXPECTED_FORM:
            return unusable_answer("did not have the agreed form"), headers

    async def _send_in_accepted_form(self, request: "Request[_Body, _Reply]") -> RawResponse[_Body]:
        """The response to the request. A refusal that names a parameter brings the parameter's next form at once, and
        one that gives no reason brings the request without parameters; each form is sent once at most."""
        forms = self._forms.start()
        while True:
            try:
                response = await request.send(forms)
                if error := find_error(response):
                    raise error
            except openai.APIStatusError as error:
                if not self._give_way(forms, error):
                    raise
            else:
                forms.remember()
                return response

    def _give_way(self, forms: FormsOfCall, error: openai.APIStatusError) -> bool:
        words = message_text(error.body)
        named = error.param if isinstance(error.param, str) else ""
        shown = without_secrets(words, self._key)
        if error.status_code in _REFUSALS and forms.give_way(named, words, shown):
            return True
        return error.status_code in _UNEXPLAINED_REFUSALS and is_unexplained(error.body) and forms.omit_all(shown)

    def _report_fault(self, error: openai.APIStatusError) -> JobError:
        """The error of a call; one that an operator has to mend is logged."""
        job_error = self._status_error(error)
        if isinstance(job_error, PermanentError):
            quota = job_error.code == "model_quota_spent"
            action = _QUOTA_ACTION if quota else _ACTIONS.get(error.status_code, _OTHER_ACTION)
            self._fault.report(action, job_error.detail, job_error.provider_message)
        return job_error

    def _status_error(self, error: openai.APIStatusError) -> JobError:
        message = without_secrets(message_text(error.body), self._key)
        retry_after = retry_after_seconds(error.response.headers, time.time())
        if error.status_code in _MAY_BE_SPENT and PAYMENT_REQUIRED in (error.status_code, meaning(error.body)):
            return PermanentError("model_quota_spent", "the model's quota is spent", provider_message=message)
        if error.status_code == 429:
            code, detail = "model_rate_limited", "the model is asked too often"
            return TransientError(code, detail, retry_after, provider_message=message)
        failed = error.status_code >= 500 and error.status_code != _NOT_IMPLEMENTED
        if failed or error.status_code in _TRANSIENT_STATUSES:
            code, detail = "model_unavailable", "the model is not available"
            return TransientError(code, detail, retry_after, provider_message=message)
        detail = f"the model refused the request (status {error.status_code})"
        return PermanentError("model_refused_request", detail, provider_message=message)


def token_count(usage: object, name: str) -> int:
    """The number of tokens that the provider reports under this name; 0 where it reports nothing that can be true."""
    count = getattr(usage, name, None)
    return count if isinstance(count, int) and 0 <= count <= _MAX_TOKENS else 0


def unusable_answer(why: str) -> TransientError:
    """The error for an answer that is of no use."""
    return TransientError("model_answer_unusable", f"the model's answer {why}")


def _report(error: JobError | None, headers: Mapping[str, str]) -> CallReport:
    outcome = _OUTCOMES.get(error.code, CallOutcome.ANSWERED) if error else CallOutcome.ANSWERED
    retry_after = error.retry_after if isinstance(error, TransientError) else None
    return CallReport(outcome, retry_after, parse_limits(headers))


def _timed_out() -> TransientError:
    return TransientError("model_timeout", "the model did not answer in time")


def _other_error(error: openai.APIError) -> JobError:
    if isinstance(error, openai.APITimeoutError) and not _was_cut(error):
        return _timed_out()
    if isinstance(error, openai.APIResponseValidationError):
        return unusable_answer("did not have the agreed form")
    return TransientError("model_unreachable", "the model could not be reached")


def _was_cut(error: openai.APITimeoutError) -> bool:
    """Whether the connection was cut, which the SDK reports as a timeout when it uses aiohttp."""
    cause = error.__cause__.__cause__ if error.__cause__ else None
    return isinstance(cause, aiohttp.ClientConnectionError) and not isinstance(cause, aiohttp.ServerTimeoutError)
