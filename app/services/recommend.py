"""The `rag` job: credentials worth earning, found by words and by meaning. It reads rule scores and answers only, so
that what it finds does not depend on whether the essays are scored before it or after."""

import asyncio
from dataclasses import dataclass

from app.clients.embeddings import Embedder, EmbeddingUnavailable, Vector
from app.domain.errors import Poison, Trouble
from app.domain.fusion import skill_evidence
from app.domain.records import ClaimedJob, RunInputs
from app.domain.result import Reason, Recommendation
from app.domain.retrieval import CANDIDATES, Candidate, RetrievalQuery, build_query, by_reciprocal_rank, recommend
from app.domain.skills import estimate_skills
from app.domain.states import JobStatus, JobType, ReasonCode, ScoreType
from app.domain.views import error_of
from app.repositories import credentials, jobs
from app.repositories.jobs import Finished
from app.repositories.sql import Pool

# The embedding thread is shared with the local scorer; full text is better than waiting long for it.
_EMBEDDING_SECONDS = 30.0
_BY_TEXT_ALONE = "found by words alone: the search by meaning was not available"
_STANDING = "the track's standing list: the search found nothing for your answers"


# Candidates with their relevance, best first, and what to say where this was not the best way.
Ranked = tuple[tuple[tuple[Candidate, float], ...], str | None]


@dataclass(frozen=True)
class Recommending:
    """Recommends for a run."""

    pool: Pool
    embedder: Embedder

    async def do(self, job: ClaimedJob) -> Finished | None:
        """Finds and stores the recommendations, by the best way that works."""
        run = await jobs.read_run(self.pool, job)
        query = _query(run)
        ranked, fallback = await self._search(query, run)
        found = recommend(ranked, query, run.track_skills)
        return await self._finish(job, found, fallback)

    async def give_up(self, job: ClaimedJob, trouble: Trouble) -> Finished | None:
        """Ends the job with what is found by words alone; where even that took a worker down, with nothing."""
        if isinstance(trouble, Poison):
            reason = _reason(ReasonCode.RECOMMENDATIONS_UNAVAILABLE, trouble.detail)
            return await jobs.finish(self.pool, job, JobStatus.FAILED, error_of(trouble), None, [reason])
        run = await jobs.read_run(self.pool, job)
        query = _query(run)
        ranked, fallback = await self._search_by_words(query, run)
        return await self._finish(job, recommend(ranked, query, run.track_skills), fallback, trouble)

    async def _search(self, query: RetrievalQuery, run: RunInputs) -> Ranked:
        """Candidates with their relevance, and what to say where this is not the best way."""
        by_meaning = await self._search_by_meaning(query)
        if not by_meaning:
            return await self._search_by_words(query, run)
        by_text = await credentials.search_by_text(self.pool, query.terms, CANDIDATES)
        return by_reciprocal_rank(by_text, by_meaning), None

    async def _search_by_words(self, query: RetrievalQuery, run: RunInputs) -> Ranked:
        by_text = await credentials.search_by_text(self.pool, query.terms, CANDIDATES)
        if by_text:
            return by_reciprocal_rank(by_text), _BY_TEXT_ALONE
        standing = await credentials.standing_list(self.pool, run.track_skills, CANDIDATES)
        return by_reciprocal_rank(standing), _STANDING

    async def _search_by_meaning(self, query: RetrievalQuery) -> list[Candidate]:
        vector = await self._embed(query.text)
        if vector is None:
            return []
        return await credentials.search_by_vector(self.pool, vector, self.embedder.name, CANDIDATES)

    async def _embed(self, text: str) -> Vector | None:
        try:
            async with asyncio.timeout(_EMBEDDING_SECONDS):
                return (await self.embedder.embed([text]))[0]
        except (EmbeddingUnavailable, TimeoutError):
            return None

    async def _finish(
        self, job: ClaimedJob, found: tuple[Recommendation, ...], fallback: str | None, trouble: Trouble | None = None
    ) -> Finished | None:
        output = {"recommendations": [recommendation.model_dump(mode="json") for recommendation in found]}
        if not found:
            reasons = [_reason(ReasonCode.RECOMMENDATIONS_UNAVAILABLE, "the catalogue has nothing for this track")]
        elif fallback:
            reasons = [_reason(ReasonCode.RECOMMENDATIONS_FALLBACK, fallback)]
        else:
            reasons = []
        status, error = (JobStatus.FAILED, error_of(trouble)) if trouble else (JobStatus.COMPLETED, None)
        return await jobs.finish(self.pool, job, status, error, output, reasons)


def _query(run: RunInputs) -> RetrievalQuery:
    theory = run.rule_scores.get(ScoreType.THEORETICAL, ())
    estimates = estimate_skills(skill_evidence(run.questions, theory))
    return build_query(run.track_name, run.track_skills, estimates, run.questions, run.answers)


def _reason(code: ReasonCode, detail: str) -> Reason:
    return Reason(code=code, stage=JobType.RAG, detail=detail)
