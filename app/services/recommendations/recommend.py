"""The `rag` job: searches credentials by words and by meaning and stores the recommendations. It reads the rule scores
and the answers only, so its recommendations do not depend on whether the essays are scored earlier or later."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.clients.llm.embedder import Embedder
from app.clients.llm.offline_embedder import OfflineEmbedder
from app.domain.errors import JobError, PoisonJob
from app.domain.recommendation.build_query import build_query
from app.domain.recommendation.profile_texts import profile_texts
from app.domain.recommendation.query import MAX_CANDIDATES, MAX_RECOMMENDATIONS, Candidate, RetrievalQuery
from app.domain.recommendation.ranking import RankedCandidate, rank
from app.domain.recommendation.ranking_prompt import MAX_OFFERED
from app.domain.recommendation.recommend import recommend
from app.domain.recommendation.search_trace import ModelTrace, SearchMethod, build_trace, model_trace
from app.domain.recommendation.skill_aliases import SkillAliases
from app.domain.recommendation.student import Student
from app.domain.recommendation.student_prompt import merge_reading
from app.domain.records.jobs import ClaimedJob, RunInputs
from app.domain.result.fusion import skill_evidence
from app.domain.result.model import QuestionLine, Reason, Recommendation
from app.domain.result.skills import estimate_skills
from app.domain.result.withheld_answers import averaged
from app.domain.states import JobStatus, JobType, ReasonCode, ScoreType
from app.repositories import jobs, passages
from app.repositories.jobs import FinishedJob
from app.repositories.sql import Pool
from app.services.catalog.credentials import spellings_of
from app.services.catalog.skill_aliases import aliases_that_count
from app.services.jobs.claimed_run import read_claimed_run
from app.services.recommendations import search
from app.services.recommendations.embedding_calls import for_run
from app.services.recommendations.model_advice import MODEL_AWAY, ModelAdvice

_FULL_TEXT_ONLY = "found by words alone: the search by meaning was not available"
_UNRANKED = "ordered and worded by rules: the language model gave no usable answer"
_DEFAULT_LIST = "the track's standing list: the search found nothing for your answers"


@dataclass(frozen=True)
class SearchOutcome:
    """The ranked candidates, best first; the ranking of each method; the detail of the degraded reason, if a fallback
    was used; and the query's vector, if vectors were compared."""

    ranked: tuple[RankedCandidate, ...]
    rankings: dict[SearchMethod, list[Candidate]]
    fallback: str | None = None
    query_vector: Sequence[float] | None = None


@dataclass(frozen=True)
class RecommendationJob:
    """Finds and stores the recommendations of a run. With `advice`, a language model reads the student, orders the
    first candidates and writes the reasons; what it does not do, or not well, the rules do."""

    pool: Pool
    embedder: Embedder
    advice: ModelAdvice | None = None

    async def run(self, job: ClaimedJob) -> FinishedJob | None:
        """Stores the recommendations, found by the best method that works.

        Raises:
            LeaseLost: the job was erased.
        """
        run = await read_claimed_run(self.pool, job)
        query = _query(run, await aliases_that_count(self.pool))
        if self.advice:
            return await self._run_with_model(self.advice, job, run, query)
        outcome = await self._search(job, query, run)
        quoted = await self._with_quotes(query, outcome, MAX_RECOMMENDATIONS)
        return await self._finish(job, query, outcome, recommend(quoted, query))

    async def _run_with_model(
        self, advice: ModelAdvice, job: ClaimedJob, run: RunInputs, query: RetrievalQuery
    ) -> FinishedJob | None:
        """`query` is that of the student as the rules read them."""
        texts = profile_texts(run.questions, run.answers)
        order = reading = ranking = None
        if texts:
            read, reading = await advice.read_student(job, run.mode, texts)
            query = _query(run, query.aliases, merge_reading(query.student, read)) if read else query
        outcome = await self._search(job, query, run)
        offered = await self._with_quotes(query, outcome, MAX_OFFERED)
        if reading and reading.problem in MODEL_AWAY:
            ranking = reading
        elif offered:
            order, ranking = await advice.order(job, run, query, [candidate for candidate, _ in offered], texts)
        trace = model_trace(reading, ranking, order)
        return await self._finish(job, query, outcome, recommend(offered, query, order), model=trace)

    async def give_up(self, job: ClaimedJob, error: JobError) -> FinishedJob | None:
        """Ends the job with what is found by words alone, or with nothing if the job crashes workers.

        Raises:
            LeaseLost: the job was erased.
        """
        if isinstance(error, PoisonJob):
            reason = _reason(ReasonCode.RECOMMENDATIONS_UNAVAILABLE, error.detail)
            return await jobs.finish(self.pool, job, JobStatus.FAILED, error, None, [reason])
        run = await read_claimed_run(self.pool, job)
        query = _query(run, await aliases_that_count(self.pool))
        outcome = await self._search_full_text(query, run)
        quoted = await self._with_quotes(query, outcome, MAX_RECOMMENDATIONS)
        return await self._finish(job, query, outcome, recommend(quoted, query), error)

    async def _search(self, job: ClaimedJob, query: RetrievalQuery, run: RunInputs) -> SearchOutcome:
        """Searches by words and by meaning; by words alone if no vectors can be compared."""
        embedder = for_run(self.embedder, run.assessment_id, job.run)
        results = await search.search_both(self.pool, embedder, query)
        if not results.vector:
            return await self._without_vectors(results.full_text, query, run)
        rankings = {SearchMethod.FULL_TEXT: results.full_text, SearchMethod.VECTOR: results.vector}
        return SearchOutcome(
            rank(query, results.full_text, results.vector, of_known_model=isinstance(self.embedder, OfflineEmbedder)),
            rankings,
            query_vector=results.query_vector,
        )

    async def _search_full_text(self, query: RetrievalQuery, run: RunInputs) -> SearchOutcome:
        return await self._without_vectors(await search.search_full_text(self.pool, query), query, run)

    async def _without_vectors(
        self, full_text: list[Candidate], query: RetrievalQuery, run: RunInputs
    ) -> SearchOutcome:
        if full_text:
            return SearchOutcome(rank(query, full_text), {SearchMethod.FULL_TEXT: full_text}, _FULL_TEXT_ONLY)
        skills = await spellings_of(self.pool, run.track_skills, query.aliases)
        standing = await passages.find_by_skills(self.pool, skills, MAX_CANDIDATES)
        return SearchOutcome(rank(query, standing), {SearchMethod.DEFAULT_LIST: standing}, _DEFAULT_LIST)

    async def _with_quotes(self, query: RetrievalQuery, outcome: SearchOutcome, count: int) -> list[RankedCandidate]:
        """So many of the first candidates, each with the part of its description to quote."""
        first = outcome.ranked[:count]
        candidates = [candidate for candidate, _ in first]
        quoted = await search.with_evidence(self.pool, self.embedder.name, query, candidates, outcome.query_vector)
        return [(candidate, relevance) for candidate, (_, relevance) in zip(quoted, first, strict=True)]

    async def _finish(
        self,
        job: ClaimedJob,
        query: RetrievalQuery,
        outcome: SearchOutcome,
        recommendations: Sequence[Recommendation],
        error: JobError | None = None,
        model: ModelTrace | None = None,
    ) -> FinishedJob | None:
        trace = build_trace(query, outcome.rankings, outcome.ranked, self.embedder.name, model)
        output = {
            "recommendations": [recommendation.model_dump(mode="json") for recommendation in recommendations],
            "retrieval": trace.model_dump(mode="json"),
        }
        reasons = []
        if not recommendations:
            reasons = [_reason(ReasonCode.RECOMMENDATIONS_UNAVAILABLE, "no credential suits this track")]
        elif outcome.fallback:
            reasons = [_reason(ReasonCode.RECOMMENDATIONS_FALLBACK, outcome.fallback)]
        if recommendations and model and model.ranking and not model.ranking.used:
            reasons.append(_reason(ReasonCode.RECOMMENDATIONS_UNRANKED, _UNRANKED))
        status = JobStatus.FAILED if error else JobStatus.COMPLETED
        return await jobs.finish(self.pool, job, status, error, output, reasons)


def _query(run: RunInputs, aliases: SkillAliases, student: Student | None = None) -> RetrievalQuery:
    """An override of a theoretical question counts, if it was made before this search. The gaps do not show whether a
    single question was answered correctly if the student may not know."""
    theory = run.rule_scores.get(ScoreType.THEORETICAL, ())
    lines = [QuestionLine(**dict(line), override=run.overrides.get(line.question_id)) for line in theory]
    shown = lines if run.disclosure.answers else averaged(lines)
    estimates = estimate_skills(skill_evidence(run.questions, shown))
    return build_query(run.track_name, run.track_skills, estimates, run.questions, run.answers, aliases, student)


def _reason(code: ReasonCode, detail: str) -> Reason:
    return Reason(code=code, stage=JobType.RAG, detail=detail)
