"""The `rag` job: credentials worth earning, found by words and by meaning. It reads rule scores and answers only, so
that what it finds does not depend on whether the essays are scored before it or after."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.clients.llm.embeddings_local import Embedder
from app.domain.errors import JobError, PoisonJob
from app.domain.recommendation.query import MAX_CANDIDATES, MAX_RECOMMENDATIONS, Candidate, RetrievalQuery, build_query
from app.domain.recommendation.ranking import RankedCandidate, rank
from app.domain.recommendation.recommend import recommend
from app.domain.recommendation.search_trace import SearchMethod, build_trace
from app.domain.records.assessments import ClaimedJob, RunInputs
from app.domain.result.fusion import skill_evidence
from app.domain.result.model import QuestionLine, Reason
from app.domain.result.skills import estimate_skills
from app.domain.states import JobStatus, JobType, ReasonCode, ScoreType
from app.repositories import jobs, passages
from app.repositories.jobs import FinishedJob
from app.repositories.sql import Pool
from app.schemas import error_of
from app.services.recommendations import search
from app.services.recommendations.embedding_calls import on_account_of

_BY_TEXT_ALONE = "found by words alone: the search by meaning was not available"
_STANDING = "the track's standing list: the search found nothing for your answers"


@dataclass(frozen=True)
class SearchOutcome:
    """Candidates with their relevance, best first; what each way found; what to say where it was not the best; and the
    query's vector where vectors were compared."""

    ranked: tuple[RankedCandidate, ...]
    rankings: dict[SearchMethod, list[Candidate]]
    fallback: str | None = None
    vector: Sequence[float] | None = None


@dataclass(frozen=True)
class RecommendationJob:
    """Recommends for a run."""

    pool: Pool
    embedder: Embedder

    async def run(self, job: ClaimedJob) -> FinishedJob | None:
        """Finds and stores the recommendations, by the best way that works."""
        run = await jobs.read_run(self.pool, job)
        query = _query(run)
        return await self._finish(job, run, query, await self._search(job, query, run))

    async def give_up(self, job: ClaimedJob, trouble: JobError) -> FinishedJob | None:
        """Ends the job with what is found by words alone; where even that took a worker down, with nothing."""
        if isinstance(trouble, PoisonJob):
            reason = _reason(ReasonCode.RECOMMENDATIONS_UNAVAILABLE, trouble.detail)
            return await jobs.finish(self.pool, job, JobStatus.FAILED, error_of(trouble), None, [reason])
        run = await jobs.read_run(self.pool, job)
        query = _query(run)
        return await self._finish(job, run, query, await self._search_by_words(query, run), trouble)

    async def _search(self, job: ClaimedJob, query: RetrievalQuery, run: RunInputs) -> SearchOutcome:
        """Candidates with their relevance, and what to say where this is not the best way."""
        embedder = on_account_of(self.embedder, run.assessment_id, job.run)
        found = await search.by_words_and_meaning(self.pool, embedder, query)
        if not found.by_meaning:
            return await self._without_meaning(found.by_words, query, run)
        rankings = {SearchMethod.WORDS: found.by_words, SearchMethod.MEANING: found.by_meaning}
        return SearchOutcome(rank(query, *rankings.values()), rankings, vector=found.vector)

    async def _search_by_words(self, query: RetrievalQuery, run: RunInputs) -> SearchOutcome:
        return await self._without_meaning(await search.by_words(self.pool, query), query, run)

    async def _without_meaning(self, by_text: list[Candidate], query: RetrievalQuery, run: RunInputs) -> SearchOutcome:
        if by_text:
            return SearchOutcome(rank(query, by_text), {SearchMethod.WORDS: by_text}, _BY_TEXT_ALONE)
        standing = await passages.find_by_skills(self.pool, run.track_skills, MAX_CANDIDATES)
        return SearchOutcome(rank(query, standing), {SearchMethod.STANDING: standing}, _STANDING)

    async def _finish(
        self,
        job: ClaimedJob,
        run: RunInputs,
        query: RetrievalQuery,
        found: SearchOutcome,
        trouble: JobError | None = None,
    ) -> FinishedJob | None:
        first = found.ranked[:MAX_RECOMMENDATIONS]
        named = [candidate for candidate, _ in first]
        speaking = await search.with_evidence(self.pool, self.embedder.name, query, named, found.vector)
        shown = [(candidate, relevance) for candidate, (_, relevance) in zip(speaking, first, strict=True)]
        recommended = recommend(shown, query)
        trace = build_trace(query, found.rankings, found.ranked, self.embedder.name)
        output = {
            "recommendations": [recommendation.model_dump(mode="json") for recommendation in recommended],
            "retrieval": trace.model_dump(mode="json"),
        }
        if not recommended:
            reasons = [_reason(ReasonCode.RECOMMENDATIONS_UNAVAILABLE, "the catalogue has nothing for this track")]
        elif found.fallback:
            reasons = [_reason(ReasonCode.RECOMMENDATIONS_FALLBACK, found.fallback)]
        else:
            reasons = []
        status, error = (JobStatus.FAILED, error_of(trouble)) if trouble else (JobStatus.COMPLETED, None)
        return await jobs.finish(self.pool, job, status, error, output, reasons)


def _query(run: RunInputs) -> RetrievalQuery:
    """What a person said of a score in theory counts; what is said after the search waits for the next run."""
    theory = run.rule_scores.get(ScoreType.THEORETICAL, ())
    lines = [QuestionLine(**dict(line), override=run.overrides.get(line.question_id)) for line in theory]
    estimates = estimate_skills(skill_evidence(run.questions, lines))
    return build_query(run.track_name, run.track_skills, estimates, run.questions, run.answers)


def _reason(code: ReasonCode, detail: str) -> Reason:
    return Reason(code=code, stage=JobType.RAG, detail=detail)
