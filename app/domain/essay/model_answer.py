"""How a language model's answer about an essay is read and checked."""

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.domain.assessment.questions import EssayQuestion
from app.domain.errors import TransientError
from app.domain.essay.prompt import PROMPT_VERSION
from app.domain.essay.score import DIMENSION_MAXIMUM, Dimension, DimensionName, Dimensions, EssayScore, Evidence
from app.domain.essay.visible_text import VisibleText
from app.domain.text import words

# A rationale reveals a secret text if it has this many of its words in a row, or all of a shorter text.
_REVEALING_WORDS = 8
# Shorter rubric texts ("clear and correct") are what any grader says, and no secret.
_MIN_SECRET_RUBRIC_WORDS = 4
_WITHHELD = "The explanation is withheld because it repeated the reference answer."
# The confidence in one model's score at most, and what lowers it: each quote that is not in the essay, and each
# dimension whose points contradict its own findings.
_MAX_CONFIDENCE = 0.9
_DROPPED_QUOTE_COST = 0.1
_CONTRADICTION_COST = 0.1
_MIN_CONFIDENCE = 0.2
# Points whose share of the maximum differs from the share of findings met by more than this contradict them.
_CONTRADICTION = 0.5

# Runs of words that reveal a secret text, by their length.
_SecretRuns = dict[int, set[tuple[str, ...]]]


class _Finding(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    point: str
    met: bool


class _DimensionAnswer(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    # Endpoints without support for schemas leave them out; the points still count.
    findings: list[_Finding] = []
    quotes: list[str]
    # Without NUL, which Postgres cannot store.
    rationale: str = Field(pattern=r"^[^\x00]*$")
    score: int


class _ModelAnswer(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    relevance: _DimensionAnswer
    depth: _DimensionAnswer
    clarity: _DimensionAnswer
    technical: _DimensionAnswer


def read_answer(raw: str, question: EssayQuestion, essay: VisibleText, model: str, canary: str = "") -> EssayScore:
    """The score in a model's answer, with every quote checked against the essay.

    Raises:
        TransientError: the answer is not JSON of the schema, a number is out of range, or it repeats the `canary`, so
            that the model followed something else than our instructions; another try may do better.
    """
    if canary and canary in raw:
        raise TransientError("model_answer_unusable", "the model's answer repeated its instructions")
    try:
        answer = _ModelAnswer.model_validate_json(raw)
    except ValidationError as error:
        raise TransientError("model_answer_unusable", "the model's answer did not have the agreed form") from error
    secret_runs = _secret_runs(question, essay.text)
    dimensions, flags, dropped_quotes, contradictions = {}, set(), 0, 0
    for name in DimensionName:
        dimension_answer: _DimensionAnswer = getattr(answer, name)
        dimension, dropped, withheld = _read_dimension(dimension_answer, secret_runs, essay)
        dimensions[name.value] = dimension
        dropped_quotes += dropped
        contradictions += _contradicts_findings(dimension_answer)
        flags |= {"quote_not_found"} if dropped else set()
        flags |= {"rationale_withheld"} if withheld else set()
    cost = _DROPPED_QUOTE_COST * dropped_quotes + _CONTRADICTION_COST * contradictions
    return EssayScore(
        scorer="gpt",
        model=model,
        prompt_version=PROMPT_VERSION,
        confidence=round(max(_MIN_CONFIDENCE, _MAX_CONFIDENCE - cost), 2),
        dimensions=Dimensions(**dimensions),
        dropped_quotes=dropped_quotes,
        flags=tuple(sorted(flags)),
    )


def _read_dimension(
    answer: _DimensionAnswer, secret_runs: _SecretRuns, essay: VisibleText
) -> tuple[Dimension, int, bool]:
    """The dimension, how many quotes were dropped from it, and whether its rationale was withheld."""
    if not 0 <= answer.score <= DIMENSION_MAXIMUM:
        raise TransientError("model_answer_unusable", "the model gave points outside 0 to 25")
    evidence, dropped = _check_quotes(answer.quotes, essay)
    withheld = any(not runs.isdisjoint(_runs(answer.rationale, length)) for length, runs in secret_runs.items())
    rationale = _WITHHELD if withheld else answer.rationale
    return Dimension(score=answer.score, rationale=rationale, evidence=evidence), dropped, withheld


def _check_quotes(quotes: list[str], essay: VisibleText) -> tuple[tuple[Evidence, ...], int]:
    """The quotes that stand in the essay, and how many do not."""
    places = [essay.find_quote(quote) for quote in quotes]
    return tuple(evidence for evidence in places if evidence), places.count(None)


def _contradicts_findings(answer: _DimensionAnswer) -> bool:
    met = [finding.met for finding in answer.findings]
    return bool(met) and abs(sum(met) / len(met) - answer.score / DIMENSION_MAXIMUM) > _CONTRADICTION


def _secret_runs(question: EssayQuestion, answer: str) -> _SecretRuns:
    """The runs of words that reveal what no student may read, except those that the student wrote."""
    rubric = [getattr(question.rubric, name) for name in DimensionName]
    secrets = {question.model_answer, *(text for text in rubric if len(words(text)) >= _MIN_SECRET_RUBRIC_WORDS)}
    by_length: _SecretRuns = {}
    for secret in secrets:
        length = min(_REVEALING_WORDS, len(words(secret)))
        by_length.setdefault(length, set()).update(_runs(secret, length))
    return {length: runs - _runs(answer, length) for length, runs in by_length.items()}


def _runs(text: str, length: int) -> set[tuple[str, ...]]:
    """All runs of `length` words; none where that is 0."""
    parts = words(text)
    return {tuple(parts[start : start + length]) for start in range(len(parts) - length + 1)} if length else set()
