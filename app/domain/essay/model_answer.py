"""How a language model's answer about an essay is read and checked."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.domain.assessment.questions import EssayQuestion
from app.domain.errors import TransientError
from app.domain.essay.answer_form import DimensionAnswer, GraderAddress, repair_answer
from app.domain.essay.lenient_json import read_json_object
from app.domain.essay.prompt import PROMPT_VERSION
from app.domain.essay.score import (
    DIMENSION_MAXIMUM,
    Dimension,
    DimensionName,
    Dimensions,
    EssayScore,
    Evidence,
    InjectionCue,
    Suspicion,
)
from app.domain.essay.second_opinion import NEEDS_REVIEW
from app.domain.essay.secret_text import SecretTexts
from app.domain.essay.visible_text import VisibleText
from app.domain.text import words

# Characters of a rationale, which is to have one to three sentences.
_MAX_RATIONALE = 2_000
# Shorter rubric texts ("clear and correct") are what any grader says, and no secret.
_MIN_SECRET_RUBRIC_WORDS = 4
_WITHHELD = "The explanation is withheld because it repeated the reference answer."
# The confidence in one model's score at most, and what lowers it: each quote that is not in the essay, and each
# dimension whose points contradict its own findings.
_MAX_CONFIDENCE = 0.9
_DROPPED_QUOTE_COST = 0.1
_CONTRADICTION_COST = 0.1
# What each dimension without a quote lowers it by, and one that has no findings either by more.
_NO_EVIDENCE_COST = 0.1
_NO_FINDINGS_COST = 0.1
_MIN_CONFIDENCE = 0.2
# Points whose share of the maximum differs from the share of findings met by more than this contradict them.
_CONTRADICTION = 0.5

# Letters and digits of a quote that can show something.
_MIN_QUOTE_LENGTH = 4
_QUOTE_NOT_FOUND = "quote_not_found"


def read_answer(raw: str, question: EssayQuestion, essay: VisibleText, model: str, canary: str = "") -> EssayScore:
    """The score in a model's answer, with every quote checked against the essay. What is around the JSON and slips of
    its form are repaired, and listed in the score.

    Raises:
        TransientError: the answer has not one JSON object of the schema, a number is out of range, or it repeats the
            `canary`, so that the model followed something else than our instructions; another try may do better.
    """
    try:
        json_answer = read_json_object(raw)
        repairs = set(json_answer.repairs)
        answer = repair_answer(json_answer.value, repairs)
    except (ValueError, RecursionError) as error:
        raise TransientError("model_answer_unusable", "the model's answer did not have the agreed form") from error
    # The thoughts before the answer may well repeat the instructions.
    if canary and canary in json_answer.text:
        raise TransientError("model_answer_unusable", "the model's answer repeated its instructions")
    answers: dict[DimensionName, DimensionAnswer] = {name: getattr(answer, name) for name in DimensionName}
    withheld = _withheld_rationales(answers, question, essay)
    checked = {name: _check_dimension(answers[name], name in withheld, essay) for name in DimensionName}
    flags = {flag for dimension in checked.values() for flag in dimension.flags}
    if all(dimension.is_empty for dimension in checked.values()):
        flags.add(NEEDS_REVIEW)
    suspicion, invented = _check_address(answer.addresses_grader, essay)
    flags |= {_QUOTE_NOT_FOUND} if invented else set()
    cost = sum(dimension.cost for dimension in checked.values()) + _DROPPED_QUOTE_COST * invented
    return EssayScore(
        scorer="gpt",
        model=model,
        prompt_version=PROMPT_VERSION,
        confidence=round(max(_MIN_CONFIDENCE, _MAX_CONFIDENCE - cost), 2),
        dimensions=Dimensions(**{name.value: dimension.dimension for name, dimension in checked.items()}),
        dropped_quotes=sum(dimension.dropped_quotes for dimension in checked.values()) + invented,
        flags=tuple(sorted(flags)),
        repairs=tuple(sorted(repairs)),
    ).suspected(suspicion)


@dataclass(frozen=True)
class _CheckedDimension:
    """A dimension with what was wrong with it. `is_empty` says that neither a quote nor a finding supports it."""

    dimension: Dimension
    dropped_quotes: int
    withheld: bool
    lacks_evidence: bool
    is_empty: bool
    contradicts: bool

    @property
    def flags(self) -> tuple[str, ...]:
        conditions = (
            (_QUOTE_NOT_FOUND, self.dropped_quotes),
            ("rationale_withheld", self.withheld),
            ("no_evidence", self.lacks_evidence),
        )
        return tuple(flag for flag, is_set in conditions if is_set)

    @property
    def cost(self) -> float:
        return (
            _DROPPED_QUOTE_COST * self.dropped_quotes
            + _CONTRADICTION_COST * self.contradicts
            + _NO_EVIDENCE_COST * self.lacks_evidence
            + _NO_FINDINGS_COST * self.is_empty
        )


def _check_dimension(answer: DimensionAnswer, withheld: bool, essay: VisibleText) -> _CheckedDimension:
    if not 0 <= answer.score <= DIMENSION_MAXIMUM:
        raise TransientError("model_answer_unusable", "the model gave points outside 0 to 25")
    places = [essay.find_quote(quote) for quote in answer.quotes]
    evidence = tuple(place for place in places if place and _means_something(place, essay))
    rationale = _WITHHELD if withheld else answer.rationale[:_MAX_RATIONALE]
    has_findings = any(words(finding.point) for finding in answer.findings)
    # No points need no quote, if something is said about them.
    lacks_evidence = not evidence and (answer.score > 0 or not (has_findings or words(answer.rationale)))
    return _CheckedDimension(
        dimension=Dimension(score=answer.score, rationale=rationale, evidence=evidence),
        dropped_quotes=places.count(None),
        withheld=withheld,
        lacks_evidence=lacks_evidence,
        is_empty=lacks_evidence and not has_findings,
        contradicts=_contradicts_findings(answer),
    )


def _check_address(address: GraderAddress | None, essay: VisibleText) -> tuple[Suspicion | None, bool]:
    """The passage that addresses the grader, and whether the model quotes one that is not in the essay."""
    if address is None or not (address.found and address.quote.strip()):
        return None, False
    evidence = essay.find_quote(address.quote)
    if evidence is None or not _means_something(evidence, essay):
        return None, evidence is None
    return Suspicion(cue=InjectionCue.ADDRESSES_GRADER, **evidence.model_dump()), False


def _means_something(evidence: Evidence, essay: VisibleText) -> bool:
    """Whether a quote is more than a sign or a tiny word, or all of a tiny essay."""
    # One sign of Chinese, Japanese or Korean says about as much as two letters.
    length = sum(1 + (letter > "\u2e80") for letter in evidence.quote if letter.isalnum())
    return length >= _MIN_QUOTE_LENGTH or evidence.quote.strip() == essay.original.strip()


def _contradicts_findings(answer: DimensionAnswer) -> bool:
    met = [finding.met for finding in answer.findings]
    return bool(met) and abs(sum(met) / len(met) - answer.score / DIMENSION_MAXIMUM) > _CONTRADICTION


def _withheld_rationales(
    answers: Mapping[DimensionName, DimensionAnswer], question: EssayQuestion, essay: VisibleText
) -> frozenset[DimensionName]:
    """The dimensions whose rationales give away what no student may read. What the question says, or the student wrote,
    is no secret."""
    rubric = [getattr(question.rubric, name) for name in DimensionName]
    texts = (question.model_answer, *(text for text in rubric if len(words(text)) >= _MIN_SECRET_RUBRIC_WORDS))
    rationales = {name: answer.rationale[:_MAX_RATIONALE] for name, answer in answers.items()}
    return _revealing(rationales, SecretTexts(texts, (question.prompt, essay.text)))


def _revealing(rationales: Mapping[DimensionName, str], secrets: SecretTexts) -> frozenset[DimensionName]:
    """Those that give a secret away by themselves, and all others if they do it together."""
    if not secrets.are_in("\n\n".join(rationales.values())):
        return frozenset()
    alone = frozenset(name for name, rationale in rationales.items() if secrets.are_in(rationale))
    others = {name: rationale for name, rationale in rationales.items() if name not in alone}
    return alone | _revealing(others, secrets) if alone else frozenset(rationales)
