"""The calls of the API, one method each."""

import asyncio
import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self
from uuid import UUID, uuid4

from yarl import URL

from assay_client.errors import AssayError
from assay_client.following import follow
from assay_client.models import (
    Assessment,
    Delivery,
    Item,
    Page,
    RegisteredWebhook,
    SavedCounts,
    Status,
    Submission,
    Track,
    Webhook,
)
from assay_client.pacing import Clock, Pacing
from assay_client.results import Result
from assay_client.transport import Answer, Call, Transport

# By the question's id: an option id or several, a number or a text, as the question asks; None takes an answer back.
Answers = Mapping[UUID, str | int | float | Sequence[str] | None]
Id = UUID | str

_TOKEN = re.compile("[!-~]+")
# As many as a page may have.
_PAGE = "100"


class AssayClient:
    """A student's client, over one session: `async with AssayClient("https://assay.example", token) as assay`.

    Connection errors, 429, 502, 503, 504 and 409 for a twin of the same request that still runs are tried again, as
    `pacing` has it. Everything that is sent is safe to repeat: what creates or submits carries an idempotency key, made
    once for all tries of a call unless it is given.

    Every method raises `AssayUnavailable` when the limits are reached, and `AssayError` when the answer is a problem.
    """

    def __init__(self, base_url: str, token: str, *, pacing: Pacing | None = None, clock: Clock | None = None) -> None:
        """`base_url` is where the API is, with any path before `/assessments`.

        Raises:
            ValueError: the address or the token cannot be one; the token is not repeated.
        """
        self._base = _checked(base_url)
        if not _TOKEN.fullmatch(token):
            raise ValueError("a token has visible ASCII characters only")
        self._token = token
        self._pacing = pacing or Pacing()
        self._clock = clock or Clock()
        self._opened: Transport | None = None

    def __repr__(self) -> str:
        return f"AssayClient({self._base!r})"

    async def __aenter__(self) -> Self:
        self._opened = Transport(self._base, self._token, self._pacing, self._clock)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        opened, self._opened = self._transport, None
        await opened.close()

    async def tracks(self) -> tuple[Track, ...]:
        """The active tracks, all pages of them."""
        return tuple([track for page in await self._pages("/tracks", Page[Track]) for track in page.items])

    async def start(self, track: str, *, idempotency_key: str | None = None) -> Assessment:
        """Starts an assessment of the track with this slug, or goes on with the open one."""
        answer = await self._call("POST", "/assessments", {"track": track}, key=idempotency_key or str(uuid4()))
        return answer.read(Assessment)

    async def assessment(self, assessment_id: Id) -> Assessment:
        """The questions and the saved responses."""
        return (await self._call("GET", _path(assessment_id))).read(Assessment)

    async def save(self, assessment_id: Id, answers: Answers) -> SavedCounts:
        """Saves some answers; those to other questions stay."""
        answer = await self._call("PATCH", f"{_path(assessment_id)}/responses", _responses(answers))
        return answer.read(SavedCounts)

    async def submit(
        self, assessment_id: Id, answers: Answers | None = None, *, idempotency_key: str | None = None
    ) -> Submission:
        """Saves the last answers, locks all of them, and has them scored."""
        body = None if answers is None else _responses(answers)
        key = idempotency_key or str(uuid4())
        return (await self._call("POST", f"{_path(assessment_id)}/submit", body, key=key)).read(Submission)

    async def status(self, assessment_id: Id) -> Status:
        """How far the assessment is now."""
        return (await self._call("GET", f"{_path(assessment_id)}/status")).read(Status)

    def follow(self, assessment_id: Id) -> AsyncGenerator[Status, None]:
        """The status now and after each change, the last one final with no run under way. States that are passed
        quickly may be skipped. Goes on after cut connections and restarts; an assessment that is never submitted is
        followed until it expires, so put `asyncio.timeout` around it where that is too long."""
        return follow(self._transport, UUID(str(assessment_id)))

    async def result(self, assessment_id: Id) -> Result | None:
        """The result; None while there is none yet. A problem where there will be none: of type `not-submitted`,
        `assessment-failed` or `assessment-expired`."""
        answer = await self._call("GET", f"{_path(assessment_id)}/result")
        return None if answer.status == 202 else answer.read(Result)

    async def wait_for_result(self, assessment_id: Id, timeout: float = 300.0) -> Result:  # noqa: ASYNC109 - the usual name
        """The result, as soon as it is there.

        Raises:
            TimeoutError: it was not there within `timeout` seconds; asking again is fine.
        """
        async with asyncio.timeout(timeout):
            while True:
                async with aclosing(self.follow(assessment_id)) as statuses:
                    async for status in statuses:
                        # One that failed may still be tried again.
                        if status.status == "completed":
                            break
                if result := await self.result(assessment_id):
                    return result
                await self._clock.sleep(self._pacing.longest)

    async def register_webhook(self, assessment_id: Id, url: str, secret: str | None = None) -> RegisteredWebhook:
        """Has the end of the assessment told to this address, instead of to another one. The answer alone holds the
        secret, which is made by the service unless it is given (`whsec_` and the base64 of 24 to 64 bytes)."""
        body = {"webhook_url": url} | ({} if secret is None else {"secret": secret})
        return (await self._call("POST", f"{_path(assessment_id)}/webhook", body)).read(RegisteredWebhook)

    async def webhook(self, assessment_id: Id) -> Webhook:
        """The webhook without its secret; a problem of type `not-found` where there is none."""
        return (await self._call("GET", f"{_path(assessment_id)}/webhook")).read(Webhook)

    async def remove_webhook(self, assessment_id: Id) -> None:
        """Removes the webhook, if there is one, and cancels the tries that were still to come."""
        try:
            await self._call("DELETE", f"{_path(assessment_id)}/webhook")
        except AssayError as error:
            if error.problem.status != HTTPStatus.NOT_FOUND:
                raise
            # None is left, perhaps since a try of ours that was not answered; or there is no such assessment.
            await self.status(assessment_id)

    async def deliveries(self, assessment_id: Id) -> tuple[Delivery, ...]:
        """All messages to the assessment's webhook with their tries, newest first."""
        pages = await self._pages(f"{_path(assessment_id)}/webhook/deliveries", Page[Delivery])
        return tuple([delivery for page in pages for delivery in page.items])

    @property
    def _transport(self) -> Transport:
        if self._opened is None:
            raise RuntimeError("the client is used outside of `async with`")
        return self._opened

    async def _call(self, method: str, path: str, body: Any = None, *, key: str | None = None) -> Answer:
        return await self._transport.call(Call(method, path, body, key=key))

    async def _pages(self, path: str, shape: type[Page[Item]]) -> list[Page[Item]]:
        pages: list[Page[Item]] = []
        while not pages or pages[-1].next_cursor:
            cursor = {"cursor": str(pages[-1].next_cursor)} if pages else {}
            call = Call("GET", path, query={"limit": _PAGE} | cursor)
            pages.append((await self._transport.call(call)).read(shape))
        return pages


def _path(assessment_id: Id) -> str:
    return f"/assessments/{UUID(str(assessment_id))}"


def _responses(answers: Answers) -> dict[str, Any]:
    return {"responses": [{"question_id": str(question), "answer": answer} for question, answer in answers.items()]}


def _checked(base_url: str) -> str:
    url = URL(base_url)
    if url.scheme not in ("http", "https") or not url.host or url.user or url.password or url.query or url.fragment:
        raise ValueError("the address must be http:// or https://, a host, and at most a port and a path")
    return base_url.rstrip("/")
