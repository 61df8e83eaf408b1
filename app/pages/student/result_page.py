"""The values of the page with a result, as its owner or staff may see it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from markupsafe import Markup

from app.domain.essay.score import DimensionName, Evidence
from app.domain.records.appeals import QuestionAppeal
from app.domain.records.assessments import Assessment
from app.domain.records.feedback import OwnRating
from app.domain.result.appeals import appeal_deadline
from app.domain.result.model import Override, Recommendation, SkillEstimate, SummarySentence
from app.pages.charts import RangeBar, range_bars
from app.pages.evidence import Segment, reveal_hidden, segments
from app.pages.student import result_words
from app.pages.student.answer_form import answer_texts
from app.schemas import ResultView
from app.schemas.result import EssayLineView, QuestionLineView
from app.services.results.reading import ReadersNotes


@dataclass(frozen=True)
class Source:
    """What a sentence rests on, as a link within the page."""

    label: str
    anchor: str


@dataclass(frozen=True)
class ShownQuestion:
    """What is the same for all kinds of questions."""

    question_id: UUID
    number: int
    prompt: str
    answers: tuple[str, ...]
    missing: bool
    points: float | None
    max_score: float
    override: Override | None
    override_words: str | None
    appeal: QuestionAppeal | None
    appeal_words: str | None


@dataclass(frozen=True)
class ShownRuleQuestion:
    """A question that was scored by its key, or for being answered."""

    question: ShownQuestion
    verdict: str | None
    explanation: str | None


@dataclass(frozen=True)
class ShownDimension:
    """A dimension of an essay's score with its evidence."""

    name: DimensionName
    title: str
    meaning: str
    score: int
    machine_score: int
    max_score: int
    rationale: str
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True)
class ShownEssay:
    """An essay in pieces, beside its dimensions."""

    question: ShownQuestion
    segments: tuple[Segment, ...]
    dimensions: tuple[ShownDimension, ...]
    scorer: str | None
    notes: Sequence[str]
    suspected_quote: str | None
    reason: str | None
    provisional: bool


@dataclass(frozen=True)
class ShownRecommendation:
    """A recommended course with its quotes inside the description, and the reader's rating."""

    item: Recommendation
    passages: Sequence[tuple[str, str, str]]
    rating: OwnRating | None


def result_values(
    assessment: Assessment, result: ResultView, notes: ReadersNotes, appeal_days: float
) -> dict[str, object]:
    """Everything that the page shows."""
    numbers = {question.question_id: number for number, question in enumerate(assessment.questions, 1)}
    deadline = appeal_deadline(result.completed_at, appeal_days)
    parts = result.breakdown
    return {
        "result": result,
        "reasons": [result_words.reason_in_words(reason) for reason in result.degraded_reasons],
        "summary": [(sentence.text, _sources(sentence, numbers, result)) for sentence in result.summary],
        "parts": [
            ("Questions about what you know", parts.theoretical),
            ("Questions about yourself", parts.profile),
            ("Essays", parts.essay),
        ],
        "theory": [_rule_question(line, assessment, numbers) for line in parts.theoretical.questions],
        "profile": [_rule_question(line, assessment, numbers) for line in parts.profile.questions],
        "essays": [_essay(line, assessment, numbers) for line in parts.essay.questions],
        "chart": _skill_chart(result.skills),
        "recommendations": [_recommendation(item, notes) for item in result.recommendations],
        "rating": notes.ratings.get(None),
        "appeal_deadline": deadline if _is_open(deadline, assessment.now) else None,
    }


def _is_open(deadline: datetime, now: datetime) -> bool:
    return now <= deadline


def _sources(sentence: SummarySentence, numbers: Mapping[UUID, int], result: ResultView) -> list[Source]:
    by_passage = {str(source.passage_id): item.rank for item in result.recommendations for source in item.sources}
    named: set[tuple[str, int]] = set()
    for source in sentence.sources:
        kind, _, name = source.partition(":")
        if kind == "score" and UUID(name) in numbers:
            named.add(("question", numbers[UUID(name)]))
        elif kind == "passage" and name in by_passage:
            named.add(("recommendation", by_passage[name]))
    return [Source(f"{kind} {number}", f"{kind}-{number}") for kind, number in sorted(named)]


def _question(
    line: QuestionLineView | EssayLineView, assessment: Assessment, numbers: Mapping[UUID, int]
) -> ShownQuestion:
    question = assessment.questions_by_id[line.question_id]
    return ShownQuestion(
        question_id=line.question_id,
        number=numbers[line.question_id],
        prompt=question.body.prompt,
        answers=answer_texts(question, assessment.answers.get(line.question_id)),
        missing=line.missing,
        points=line.override.score if line.override else line.score,
        max_score=line.max_score,
        override=line.override,
        override_words=result_words.override_in_words(line.override),
        appeal=line.appeal,
        appeal_words=result_words.APPEAL_STATES[line.appeal.status] if line.appeal else None,
    )


def _rule_question(line: QuestionLineView, assessment: Assessment, numbers: Mapping[UUID, int]) -> ShownRuleQuestion:
    return ShownRuleQuestion(_question(line, assessment, numbers), _verdict(line), line.explanation)


def _verdict(line: QuestionLineView) -> str | None:
    """Whether the answer is right; None where the track does not say, or there is no right answer."""
    if line.correct is None:
        return None
    if line.missing:
        return "No answer"
    return "Right" if line.correct else "Partly right" if line.score else "Wrong"


def _essay(line: EssayLineView, assessment: Assessment, numbers: Mapping[UUID, int]) -> ShownEssay:
    text = str(assessment.answers.get(line.question_id, ""))
    return ShownEssay(
        question=_question(line, assessment, numbers),
        segments=segments(text, line.dimensions),
        dimensions=tuple(_dimensions(line)),
        scorer=result_words.scorer_in_words(line),
        notes=result_words.notes_in_words(() if line.override else line.flags),
        suspected_quote=reveal_hidden(line.suspicion.quote) if line.suspicion and not line.override else None,
        reason=line.reason,
        provisional=line.provisional,
    )


def _dimensions(line: EssayLineView) -> list[ShownDimension]:
    if line.dimensions is None:
        return []
    by_person = line.override.dimensions if line.override else None
    shown = []
    for name, (title, meaning) in result_words.DIMENSIONS.items():
        dimension = getattr(line.dimensions, name)
        shown.append(
            ShownDimension(
                name=name,
                title=title,
                meaning=meaning,
                score=getattr(by_person, name) if by_person else dimension.score,
                machine_score=dimension.score,
                max_score=dimension.max_score,
                rationale=dimension.rationale,
                evidence=dimension.evidence,
            )
        )
    return shown


def _skill_chart(skills: Sequence[SkillEstimate]) -> Markup:
    bars = [RangeBar(estimate.skill, estimate.level, estimate.low, estimate.high) for estimate in skills]
    description = "; ".join(
        f"{estimate.skill}: {estimate.level:.0%}, between {estimate.low:.0%} and {estimate.high:.0%}"
        for estimate in skills
    )
    return range_bars("Your skills as far as your answers show them", description, bars)


def _recommendation(item: Recommendation, notes: ReadersNotes) -> ShownRecommendation:
    """The course with its first quote between what stands before and after it in the description, and further quotes
    alone."""
    passages: list[tuple[str, str, str]] = []
    for source in item.sources:
        text = "" if passages else notes.descriptions.get((item.credential_id, source.credential_version), "")
        fits = text[source.start : source.end] == source.quote
        passages.append((text[: source.start], source.quote, text[source.end :]) if fits else ("", source.quote, ""))
    return ShownRecommendation(item, passages, notes.ratings.get(item.credential_id))
