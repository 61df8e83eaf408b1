"""The client: one method for each call of the API."""

import asyncio
import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self
from uuid import UUID, uuid4

from yarl import URL

from assay_client.deliveries import Delivery, RegisteredWebhook, Webhook
from assay_client.errors import AssayError
from assay_client.models import (
    Appeal,
    Assessment,
    Item,
    Page,
    SavedCounts,
    Status,
    Submission,
    Track,
)
from assay_client.pacing import Clock, Pacing
from assay_client.polling import poll_status
from assay_client.results import Result
from assay_client.summaries import AssessmentSummary
from assay_client.transport import Request, Response, Transport

# Answers by question id. By the type of the question: one option id or several, a number, or a text; None deletes a
# saved answer.
Answers = Mapping[UUID, str | int | float | Sequence[str] | None]
Id = UUID | str

_TOKEN = re.compile("[!-~]+")
# The largest page that the service allows.
_PAGE_SIZE = "100"


class AssayClient:
    """Client for students: `async with AssayClient("https://assay.example", token) as assay`.

    Connection errors, 429, 502, 503, 504, and 409 while a request with the same idempotency key still runs are retried
    within the limits of `pacing`. Every request is safe to repeat: those that create or submit carry an idempotency
    key, which is made for each call unless the caller passes one, and is the same for all attempts of the call.

    Every method raises `AssayUnavailable` when the limits are reached, and `AssayError` when the service responds with
    another error.
    """

    def __init__(self, base_url: str, token: str, *, pacing: Pacing | None = None, clock: Clock | None = None) -> None:
        """`base_url` is the address of the API, with any path before `/assessments`.

        Raises:
            ValueError: the address or the token is malformed; the message does not contain the token.
        """
        self._base_url = _check_url(base_url)
        if not _TOKEN.fullmatch(token):
            raise ValueError("a token has visible ASCII characters only")
        self._token = token
        self._pacing = pacing or Pacing()
        self._clock = clock or Clock()
        self._open_transport: Transport | None = None

    def __repr__(self) -> str:
        return f"AssayClient({self._base_url!r})"

    async def __aenter__(self) -> Self:
        self._open_transport = Transport(self._base_url, self._token, self._pacing, self._clock)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        transport, self._open_transport = self._transport, None
        await transport.close()

    async def tracks(self) -> tuple[Track, ...]:
        """All active tracks."""
        return await self._list("/tracks", Page[Track])

    async def start(self, track: str, *, idempotency_key: str | None = None) -> Assessment:
        """Starts an assessment of the track with this slug, or returns the student's open one."""
        response = await self._send("POST", "/assessments", {"track": track}, key=idempotency_key or str(uuid4()))
        return response.parse(Assessment)

    async def assessments(self) -> tuple[AssessmentSummary, ...]:
        """The student's own assessments, newest first, each with its percentage once there is a result."""
        return await self._list("/assessments", Page[AssessmentSummary])

    async def assessment(self, assessment_id: Id) -> Assessment:
        """The questions and the saved responses of an assessment."""
        return (await self._send("GET", _path(assessment_id))).parse(Assessment)

    async def save(self, assessment_id: Id, answers: Answers) -> SavedCounts:
        """Saves answers; those to other questions stay as they are.

        Raises:
            ValueError: a number is not finite.
        """
        response = await self._send("PATCH", f"{_path(assessment_id)}/responses", _responses(answers))
        return response.parse(SavedCounts)

    async def submit(
        self, assessment_id: Id, answers: Answers | None = None, *, idempotency_key: str | None = None
    ) -> Submission:
        """Saves the last answers, if any, locks all of them, and starts the scoring.

        Raises:
            ValueError: a number is not finite.
        """
        body = None if answers is None else _responses(answers)
        key = idempotency_key or str(uuid4())
        return (await self._send("POST", f"{_path(assessment_id)}/submit", body, key=key)).parse(Submission)

    async def status(self, assessment_id: Id) -> Status:
        """The progress of an assessment."""
        return (await self._send("GET", f"{_path(assessment_id)}/status")).parse(Status)

    def follow(self, assessment_id: Id) -> AsyncGenerator[Status, None]:
        """Yields the status now and after each change, and ends after the final one, once no run is under way.

        States that last only a moment may be skipped. It survives cut connections and restarts of the service. An
        assessment that is never submitted is followed until it expires: put `asyncio.timeout` around the loop if that
        is too long.
        """
        return poll_status(self._transport, UUID(str(assessment_id)))

    async def result(self, assessment_id: Id) -> Result | None:
        """The result, or None while it is not ready.

        Raises:
            AssayError: there will be no result: a problem of type `not-submitted`, `assessment-failed` or
                `assessment-expired`.
        """
        response = await self._send("GET", f"{_path(assessment_id)}/result")
        return None if response.status == HTTPStatus.ACCEPTED else response.parse(Result)

    async def wait_for_result(self, assessment_id: Id, timeout: float = 300.0) -> Result:  # noqa: ASYNC109 - the usual name
        """Waits for the result and returns it.

        Raises:
            TimeoutError: it was not ready within `timeout` seconds; it is safe to call this again.
            AssayError: there will be no result, as in `result`.
        """
        async with asyncio.timeout(timeout):
            while True:
                async with aclosing(self.follow(assessment_id)) as statuses:
                    async for status in statuses:
                        # A failed assessment may be retried, so only a completed one ends the wait early.
                        if status.status == "completed":
                            break
                if result := await self.result(assessment_id):
                    return result
                await self._clock.sleep(self._pacing.longest)

    async def appeal(
        self, assessment_id: Id, question_id: Id, text: str, *, idempotency_key: str | None = None
    ) -> Appeal:
        """Asks for a person about the score of a question, which is possible once. The result has the appeal and,
        later, the reply.

        Raises:
            AssayError: a problem of type `already-appealed`, `appeal-too-late` or `nothing-to-appeal`, among others.
        """
        path = f"{_path(assessment_id)}/scores/{UUID(str(question_id))}/appeal"
        key = idempotency_key or str(uuid4())
        return (await self._send("POST", path, {"text": text}, key=key)).parse(Appeal)

    async def register_webhook(self, assessment_id: Id, url: str, secret: str | None = None) -> RegisteredWebhook:
        """Registers the URL that gets a message when the assessment ends; it replaces the present one.

        The service makes a secret unless there is one here: `whsec_` and the base64 of 24 to 64 bytes. Only this
        response contains the secret.
        """
        body = {"webhook_url": url} | ({} if secret is None else {"secret": secret})
        return (await self._send("POST", f"{_path(assessment_id)}/webhook", body)).parse(RegisteredWebhook)

    async def webhook(self, assessment_id: Id) -> Webhook:
        """The webhook of an assessment, without its secret.

        Raises:
            AssayError: a problem of type `not-found` where there is none.
        """
        return (await self._send("GET", f"{_path(assessment_id)}/webhook")).parse(Webhook)

    async def remove_webhook(self, assessment_id: Id) -> None:
        """Removes the webhook, if there is one, and cancels the deliveries that are still to come."""
        try:
            await self._send("DELETE", f"{_path(assessment_id)}/webhook")
        except AssayError as error:
            if error.problem.status != HTTPStatus.NOT_FOUND:
                raise
            # Without a webhook, perhaps since an attempt whose response was lost, all is well. The status is 404 as
            # well where there is no such assessment.
            await self.status(assessment_id)

    async def deliveries(self, assessment_id: Id) -> tuple[Delivery, ...]:
        """All messages to the webhook of an assessment with their attempts, newest first."""
        return await self._list(f"{_path(assessment_id)}/webhook/deliveries", Page[Delivery])

    @property
    def _transport(self) -> Transport:
        if self._open_transport is None:
            raise RuntimeError("the client is used outside of `async with`")
        return self._open_transport

    async def _send(self, method: str, path: str, body: Any = None, *, key: str | None = None) -> Response:
        return await self._transport.send(Request(method, path, body, key=key))

    async def _list(self, path: str, page_model: type[Page[Item]]) -> tuple[Item, ...]:
        """The items of all pages."""
        query = {"limit": _PAGE_SIZE}
        items: list[Item] = []
        while True:
            page = (await self._transport.send(Request("GET", path, query=query))).parse(page_model)
            items += page.items
            if not page.next_cursor:
                return tuple(items)
            query = {"limit": _PAGE_SIZE, "cursor": page.next_cursor}


def _path(assessment_id: Id) -> str:
    return f"/assessments/{UUID(str(assessment_id))}"


def _responses(answers: Answers) -> dict[str, Any]:
    return {"responses": [{"question_id": str(question), "answer": answer} for question, answer in answers.items()]}


def _check_url(base_url: str) -> str:
    url = URL(base_url)
    if url.scheme not in ("http", "https") or not url.host or url.user or url.password or url.query or url.fragment:
        raise ValueError("the address must be http:// or https://, a host, and at most a port and a path")
    return base_url.rstrip("/")
