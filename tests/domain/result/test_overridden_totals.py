"""Fusion with overrides: they count in every total, and the machine's scores stay beside them."""

from collections.abc import Container
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from app.domain.assessment.rule_scoring import QuestionScore
from app.domain.result.fusion import fuse
from app.domain.result.model import EssayLine, Override, QuestionLine, Reason, Result
from app.domain.states import ReasonCode
from tests.domain.builders import NOON, essay_line, numbered_id, question_score, quick, run_facts

_LINES = ((question_score(1, 1.0, 2.0), question_score(2, 0.0, 1.0, missing=True)), (question_score(3, 1.0, 1.0),))
_ESSAYS = (
    essay_line(4, 0.5, 2.0),
    essay_line(5, None, 3.0),
    essay_line(6, 0.0, 1.0, missing=True),
    essay_line(7, 1.0, 1.0).model_copy(update={"scorer": "local"}),
)


def overrides_of(*scores: tuple[int, float]) -> dict[UUID, Override]:
    return {
        numbered_id(number): Override(score=score, reason="So.", by="advisor-1", at=NOON) for number, score in scores
    }


def fused(*scores: tuple[int, float], reasons: tuple[Reason, ...] = ()) -> Result:
    return fuse(run_facts(*_LINES, essays=_ESSAYS, reasons=reasons, overrides=overrides_of(*scores)))


def lines_of(result: Result) -> list[QuestionLine | EssayLine]:
    parts = result.breakdown
    return [*parts.theoretical.questions, *parts.profile.questions, *parts.essay.questions]


def reason(code: ReasonCode) -> Reason:
    return Reason(code=code, stage="gpt", detail="Some.")


_overridden = st.dictionaries(st.integers(1, 7), st.floats(0, 1), max_size=7)


@quick
@given(_overridden)
def test_totals_are_those_of_the_same_scores_by_the_machine(shares: dict[int, float]) -> None:
    scores = {line.question_id.int: shares[line.question_id.int] * line.max_score for line in _all_lines(shares)}
    by_people = fuse(run_facts(*_LINES, essays=_ESSAYS, overrides=overrides_of(*scores.items())))
    theory, profiles = (tuple(_with_score(line, scores) for line in lines) for lines in _LINES)
    essays = tuple(line.model_copy(update={"score": scores.get(line.question_id.int, line.score)}) for line in _ESSAYS)
    by_machine = fuse(run_facts(theory, profiles, essays))
    assert by_people.overall == by_machine.overall
    assert by_people.skills == by_machine.skills
    for name in ("theoretical", "profile", "essay"):
        part_by_people, part_by_machine = getattr(by_people.breakdown, name), getattr(by_machine.breakdown, name)
        assert part_by_people.model_dump(exclude={"questions"}) == part_by_machine.model_dump(exclude={"questions"})


def _all_lines(numbers: Container[int]) -> list[QuestionScore | EssayLine]:
    return [line for line in (*_LINES[0], *_LINES[1], *_ESSAYS) if line.question_id.int in numbers]


def _with_score(line: QuestionScore, scores: dict[int, float]) -> QuestionScore:
    return line.model_copy(update={"score": scores.get(line.question_id.int, line.score)})


def test_the_machines_scores_stay_beside_the_overrides() -> None:
    before, after = lines_of(fused()), lines_of(fused((1, 0.25), (5, 2.5)))
    assert [line.score for line in after] == [line.score for line in before]
    assert [line.points for line in after] == [0.25, 0.0, 1.0, 0.5, 2.5, 0.0, 1.0]
    assert [line.override is not None for line in after] == [True, False, False, False, True, False, False]
    assert [line.override for line in before] == [None] * 7


def test_an_override_of_0_counts() -> None:
    result = fused((5, 0.0), (4, 0.0))
    assert (result.breakdown.essay.score, result.breakdown.essay.max_score, result.breakdown.essay.unscored) == (
        1.0,
        7.0,
        0,
    )


def test_an_override_of_a_question_of_another_run_changes_nothing() -> None:
    assert fused((99, 1.0)) == fused()


def test_a_reason_goes_once_all_its_questions_are_overridden() -> None:
    codes = {
        ReasonCode.MISSING_RESPONSES: (2, 6),
        ReasonCode.ESSAY_UNSCORED: (5,),
        ReasonCode.ESSAY_SCORED_LOCALLY: (7,),
        ReasonCode.MODEL_BUDGET_SPENT: (5, 7),
    }
    others = (1, 3, 4)
    for code, about in codes.items():
        reasons = (reason(code),)
        assert fused(*((n, 0.5) for n in others), reasons=reasons).degraded_reasons == reasons
        overridden = fused(*((n, 0.5) for n in about), reasons=reasons)
        assert (overridden.degraded, overridden.degraded_reasons) == (False, ())


def test_a_reason_says_how_many_of_its_questions_are_overridden() -> None:
    (missing,) = fused((2, 0.5), reasons=(reason(ReasonCode.MISSING_RESPONSES),)).degraded_reasons
    assert missing.detail == "Some.; 1 of these 2 was scored by a person"
    unscored = (essay_line(4, None), essay_line(5, None), essay_line(6, None))
    facts = run_facts(
        essays=unscored, reasons=(reason(ReasonCode.ESSAY_UNSCORED),), overrides=overrides_of((4, 1.0), (6, 0.0))
    )
    assert fuse(facts).degraded_reasons[0].detail == "Some.; 2 of these 3 were scored by a person"


def test_reasons_that_are_not_about_scores_stay() -> None:
    reasons = (reason(ReasonCode.RECOMMENDATIONS_FALLBACK), reason(ReasonCode.RECOMMENDATIONS_UNAVAILABLE))
    assert fused(*((n, 0.5) for n in range(1, 8)), reasons=reasons).degraded_reasons == reasons


def test_the_summary_counts_overrides_and_says_so() -> None:
    before, after = (
        {sentence.text: sentence.sources for sentence in result.summary}
        for result in (fused(), fused((2, 1.0), (5, 3.0)))
    )
    assert "2 questions had no answer and earned no points." in before
    assert after["1 question had no answer and earned no points."] == (f"score:{numbered_id(6)}",)
    provisional = (
        "1 essay could not be scored, so the total is provisional: 31.8 % with no points for it, 59.1 % with all."
    )
    assert provisional in before
    assert not [text for text in after if "could not be scored" in text]
    by_people = after["2 questions were scored by a person, whose score counts."]
    assert by_people == (f"score:{numbered_id(2)}", f"score:{numbered_id(5)}")
    assert f"score:{numbered_id(5)}" in after["Your essay answers earned 4.5 of 7 points (64.3 %)."]
    assert not [text for text in before if "by a person" in text]


def test_an_overridden_essay_needs_no_review() -> None:
    doubtful = essay_line(4, 0.5).model_copy(update={"flags": ("needs_review",)})
    other = essay_line(5, 0.5).model_copy(update={"flags": ("quote_not_found",)})
    assert fuse(run_facts(essays=(doubtful, other))).needs_review
    assert fuse(run_facts(essays=(doubtful, other), overrides=overrides_of((5, 0.5)))).needs_review
    assert not fuse(run_facts(essays=(doubtful, other), overrides=overrides_of((4, 0.5)))).needs_review
    assert not fuse(run_facts(essays=(other,))).needs_review


def test_an_essay_without_a_score_needs_review_until_it_is_overridden() -> None:
    unscored, missing = essay_line(4, None), essay_line(5, 0.0, missing=True)
    assert fuse(run_facts(essays=(unscored, missing))).needs_review
    assert not fuse(run_facts(essays=(unscored, missing), overrides=overrides_of((4, 0.5)))).needs_review
    assert not fuse(run_facts(essays=(missing,))).needs_review
