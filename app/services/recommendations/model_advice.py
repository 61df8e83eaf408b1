"""A language model that reads what a student wants, orders the candidates and writes the reasons. Answers are stored
and used again, calls are paid for within the day's budget, and each call is recorded. Where the model gives nothing
usable, the caller gets None and goes on by rules."""

import asyncio
import random
import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

import structlog

from app.domain.errors import JobError, TransientError
from app.domain.model_prompt import ModelPrompt, fingerprint
from app.domain.recommendation.profile_texts import ProfileText
from app.domain.recommendation.query import Candidate, RetrievalQuery
from app.domain.recommendation.ranking_prompt import ranking_prompt
from app.domain.recommendation.search_trace import ModelPart
from app.domain.recommendation.student_prompt import StudentReading, read_items, student_prompt
from app.domain.recommendation.written_reasons import WrittenOrder, read_order
from app.domain.records.jobs import ClaimedJob, RunInputs
from app.domain.states import RunMode
from app.repositories import scores
from app.repositories.scores import ModelCall
from app.repositories.sql import DATABASE_UNAVAILABLE
from app.services.essays.internal_errors import INTERNAL_ERROR, InternalError
from app.services.essays.llm_calls import PaidModel

log = structlog.get_logger()

# What an answer is expected to have at most when its cost is reserved.
_ANSWER_TOKENS = 1_200
_TRIES = 2
# Seconds before the second try, jittered, and after which none begins: a plain recommendation is a good one, and the
# result waits for this job.
_RETRY_SECONDS = 1.0
_LAST_TRY_SECONDS = 20.0

# Codes of errors after which the next call would fail, too, and the result would only come later.
MODEL_AWAY = frozenset({
    "model_unavailable", "model_unreachable", "model_timeout", "model_rate_limited", "model_refused_request",
    "model_quota_spent", "model_budget_spent",
})  # fmt: skip

_T = TypeVar("_T")


@dataclass(frozen=True)
class ModelAdvice:
    """Asks one language model about recommendations. A call takes at most OPENAI_TIMEOUT seconds."""

    paid: PaidModel
    random_fraction: Callable[[], float] = random.random
    clock: Callable[[], float] = time.monotonic

    async def read_student(
        self, job: ClaimedJob, mode: RunMode, texts: Sequence[ProfileText]
    ) -> tuple[StudentReading | None, ModelPart]:
        """What the model reads in the answers, or None, and what the trace says of it."""
        prompt = student_prompt(texts, secrets.token_hex(8))
        reading, problem = await self._try(job, mode, prompt, lambda raw, canary: read_items(raw, texts, canary))
        return reading, ModelPart(used=reading is not None, problem=problem, dropped=reading.dropped if reading else 0)

    async def order(
        self,
        job: ClaimedJob,
        run: RunInputs,
        query: RetrievalQuery,
        candidates: Sequence[Candidate],
        texts: Sequence[ProfileText],
    ) -> tuple[WrittenOrder | None, ModelPart]:
        """The model's order of the candidates with its reasons, or None, and what the trace says of it."""
        prompt = ranking_prompt(run.track_name, query, candidates, texts, secrets.token_hex(8))
        order, problem = await self._try(
            job, run.mode, prompt, lambda raw, canary: read_order(raw, query, candidates, texts, canary)
        )
        return order, ModelPart(used=order is not None, problem=problem, dropped=order.dropped if order else 0)

    async def _try(
        self, job: ClaimedJob, mode: RunMode, prompt: ModelPrompt, read: Callable[[str, str], _T]
    ) -> tuple[_T | None, str | None]:
        """What is read of an answer, or the code of the error. Only an unavailable database is raised."""
        try:
            return await self._ask(job, mode, prompt, read), None
        except DATABASE_UNAVAILABLE:
            raise
        except JobError as error:
            return None, error.code
        except Exception as error:
            _log_internal_error(error)
            return None, INTERNAL_ERROR.code

    async def _ask(self, job: ClaimedJob, mode: RunMode, prompt: ModelPrompt, read: Callable[[str, str], _T]) -> _T:
        """What is read of a stored answer or of a new one."""
        of_run = (job.assessment_id, job.run) if mode is RunMode.RESCORE else None
        key = fingerprint(prompt, self.paid.model.name)
        stored = await scores.find_cached_answers(self.paid.account.pool, [key], of_run)
        if key in stored:
            # A version with other checks may have found it usable.
            with suppress(TransientError):
                return read(stored[key], "")
        give_up_at = self.clock() + _LAST_TRY_SECONDS
        for attempt in range(_TRIES):
            try:
                return await self._call(job, prompt, key, read)
            except TransientError as error:
                wait = max(error.retry_after or 0.0, _RETRY_SECONDS * (0.5 + self.random_fraction()))
                if attempt == _TRIES - 1 or self.clock() + wait > give_up_at:
                    raise
                await asyncio.sleep(wait)
        raise AssertionError("the last try returns or raises")

    async def _call(self, job: ClaimedJob, prompt: ModelPrompt, key: bytes, read: Callable[[str, str], _T]) -> _T:
        """One call, recorded with its cost before anything builds on it. Raises `JobError`."""
        model, account = self.paid.model, self.paid.account
        reply, cost = await account.call_within_budget(
            lambda: model.ask(prompt), prompt.tokens, _ANSWER_TOKENS, job.owner
        )
        error, value = reply.error, None
        if error is None:
            value, error = _read(reply.answer or "", prompt.canary, read)
        call = ModelCall(
            assessment_id=job.assessment_id,
            run=job.run,
            question_id=None,
            fingerprint=key,
            provider=model.provider,
            model=model.name,
            prompt_version=prompt.version,
            outcome=error.code if error else reply.outcome,
            latency_ms=reply.latency_ms,
            tokens_in=reply.tokens_in,
            tokens_out=reply.tokens_out,
            cost_usd=cost,
            answer=reply.answer,
            provider_message=reply.provider_message,
        )
        await scores.record_model_call(account.pool, call)
        if value is None:
            raise error or INTERNAL_ERROR
        return value


def _read(raw: str, canary: str, read: Callable[[str, str], _T]) -> tuple[_T | None, JobError | None]:
    """What is read of an answer. One that our own code fails to read was paid for all the same, so this never raises:
    the call has to be recorded."""
    try:
        return read(raw, canary), None
    except TransientError as error:
        return None, error
    except Exception as error:
        _log_internal_error(error)
        return None, INTERNAL_ERROR


def _log_internal_error(error: Exception) -> None:
    """Logs an exception of our own code with its type and traceback."""
    shown = InternalError(type(error).__qualname__).with_traceback(error.__traceback__)
    log.exception("recommendation_not_made_by_model", exc_info=shown)
