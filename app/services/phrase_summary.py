"""Having a model phrase a summary, from the facts alone. Whatever goes wrong, the plain sentences are there."""

from dataclasses import dataclass

import structlog

from app.domain.errors import JobError, TransientError
from app.domain.essay.model_prompt import fingerprint
from app.domain.phrasing import SummaryPrompt, phrasing_prompt, read_phrasing
from app.domain.records.assessments import ClaimedJob
from app.domain.result.model import Result, SummarySentence
from app.domain.result.summary import Fact, summary_facts
from app.repositories import scores
from app.repositories.sql import DATABASE_UNAVAILABLE
from app.services.essays.llm_calls import PaidModel, Reply

log = structlog.get_logger()

Sentences = tuple[SummarySentence, ...]


@dataclass(frozen=True)
class Phrasing:
    """Asks one model, at most once for each job."""

    asking: PaidModel

    async def phrase(self, job: ClaimedJob, result: Result) -> Sentences:
        """The summary's sentences, those of the model that pass the checks in the place of plain ones."""
        try:
            return await self._phrase(job, summary_facts(result))
        except JobError as trouble:
            log.info("summary_left_plain", code=trouble.code)
        except DATABASE_UNAVAILABLE:
            raise
        except Exception:
            # The words are the least of a result. It must not fail for a fault in what makes them nicer.
            log.exception("summary_not_phrased")
        return result.summary

    async def _phrase(self, job: ClaimedJob, facts: tuple[Fact, ...]) -> Sentences:
        if not facts:
            return ()
        prompt = phrasing_prompt(facts)
        wanted = fingerprint(prompt, self.asking.model.name)
        known = await scores.find_bought(self.asking.pool, [wanted], None)
        if wanted in known:
            return read_phrasing(known[wanted], facts, self.asking.model.name)
        if job.attempts > 1 or job.crashes:
            # What was asked and is not there was of no use, or took the worker down; once is enough for words.
            raise TransientError("model_unavailable", "the model was asked before")
        return await self._buy(job, prompt, wanted, facts)

    async def _buy(self, job: ClaimedJob, prompt: SummaryPrompt, wanted: bytes, facts: tuple[Fact, ...]) -> Sentences:
        found: list[Sentences] = []

        def read(reply: Reply) -> JobError | None:
            if reply.trouble or reply.answer is None:
                return reply.trouble or TransientError("model_answer_unusable", "the model's answer was empty")
            try:
                found.append(read_phrasing(reply.answer, facts, self.asking.model.name))
            except TransientError as trouble:
                return trouble
            return None

        reply = await self.asking.pay(prompt, (job.assessment_id, job.run, None), wanted, read)
        if found:
            return found[0]
        raise reply.trouble or TransientError(
            "model_answer_unusable", "the model's answer did not have the agreed form"
        )
