"""The summary: its sentences, their numbers and their sources."""

from app.domain.assessment.rule_scoring import QuestionScore
from app.domain.recommendation.query import RetrievalQuery
from app.domain.recommendation.recommend import recommend
from app.domain.result.fusion import fuse
from app.domain.result.model import EssayLine, Overall, Recommendation, SkillEstimate, SummarySentence
from app.domain.result.summary import summarize_in_words
from tests.domain.builders import candidate, essay_line, numbered_id, question_score, run_facts


def summary_of(
    theoretical: tuple[QuestionScore, ...] = (),
    essays: tuple[EssayLine, ...] = (),
    skills: tuple[SkillEstimate, ...] = (),
    recommendations: tuple[Recommendation, ...] = (),
) -> tuple[SummarySentence, ...]:
    result = fuse(run_facts(theoretical, (), essays))
    return summarize_in_words(result.overall, result.breakdown, skills, recommendations)


def texts(sentences: tuple[SummarySentence, ...]) -> list[str]:
    return [sentence.text for sentence in sentences]


def sources_of(sentences: tuple[SummarySentence, ...], beginning: str) -> tuple[str, ...]:
    (sources,) = (sentence.sources for sentence in sentences if sentence.text.startswith(beginning))
    return sources


def estimate(skill: str, level: float, number: int) -> SkillEstimate:
    source = f"score:{numbered_id(number)}"
    return SkillEstimate(skill=skill, level=level, low=0.0, high=1.0, gap=level < 0.6, sources=(source,))


def test_the_total_comes_first_then_each_part_that_has_questions() -> None:
    sentences = summary_of((question_score(1, 2.0, 3.2),), (essay_line(2, 0.71),))
    assert texts(sentences) == [
        "You earned 2.71 of 4.2 points (64.5 %).",
        "Your theory answers earned 2 of 3.2 points (62.5 %).",
        "Your essay answers earned 0.71 of 1 points (71 %).",
    ]
    assert sources_of(sentences, "You earned") == (f"score:{numbered_id(1)}", f"score:{numbered_id(2)}")
    assert sources_of(sentences, "Your theory") == (f"score:{numbered_id(1)}",)


def test_numbers_have_no_exponent_however_large_or_small() -> None:
    breakdown = fuse(run_facts((question_score(1, 1.0, 1.0),))).breakdown
    small = Overall(score=0.00002, max_score=123456.75, percentage=0.0)
    large = Overall(score=1_000_000.0, max_score=2_000_000.0, percentage=50.0)
    first = [texts(summarize_in_words(overall, breakdown, (), ()))[0] for overall in (small, large)]
    assert first == [
        "You earned 0.00002 of 123456.75 points (0 %).",
        "You earned 1000000 of 2000000 points (50 %).",
    ]


def test_unanswered_questions_are_counted_with_their_sources() -> None:
    one = summary_of((question_score(1, 0.0, 1.0, missing=True), question_score(2, 1.0, 1.0)))
    assert sources_of(one, "1 question had no answer") == (f"score:{numbered_id(1)}",)
    two = summary_of((question_score(1, 0.0, 1.0, missing=True),), (essay_line(2, 0.0, missing=True),))
    assert sources_of(two, "2 questions had no answer") == (f"score:{numbered_id(1)}", f"score:{numbered_id(2)}")


def test_unscored_essays_are_counted_and_are_no_source_of_the_total() -> None:
    sentences = summary_of((question_score(1, 1.0, 1.0),), (essay_line(2, None), essay_line(3, None)))
    assert sources_of(sentences, "2 essays could not be scored") == (
        f"score:{numbered_id(2)}",
        f"score:{numbered_id(3)}",
    )
    assert sources_of(sentences, "You earned") == (f"score:{numbered_id(1)}",)
    assert not [text for text in texts(sentences) if "essay answers" in text]


def test_without_any_score_the_summary_names_no_points() -> None:
    assert texts(summary_of((), (essay_line(2, None),))) == [
        "1 essay could not be scored, so the total is provisional: 0 % with no points for it, 100 % with all."
    ]


def test_an_empty_result_has_an_empty_summary() -> None:
    breakdown = fuse(run_facts()).breakdown
    assert summarize_in_words(Overall(score=None, max_score=0.0, percentage=None), breakdown, (), ()) == ()


def test_the_best_skills_and_the_widest_gaps_are_named_with_their_questions() -> None:
    skills = tuple(estimate(name, level, n) for n, (name, level) in enumerate(zip("abcdefgh", _LEVELS, strict=True)))
    sentences = summary_of((question_score(1, 1.0, 1.0),), skills=skills)
    assert texts(sentences)[-2:] == [
        "You showed most of h (100 %), g (90 %), f (80 %).",
        "There is most to gain in a (0 %), b (10 %), c (20 %).",
    ]
    assert sources_of(sentences, "You showed") == tuple(f"score:{numbered_id(n)}" for n in (7, 6, 5))
    assert sources_of(sentences, "There is") == tuple(f"score:{numbered_id(n)}" for n in (0, 1, 2))


_LEVELS = (0.0, 0.1, 0.2, 0.3, 0.7, 0.8, 0.9, 1.0)


def test_skills_of_the_same_question_name_it_once() -> None:
    sentences = summary_of((question_score(1, 1.0, 1.0),), skills=(estimate("soil", 0.9, 1), estimate("water", 0.9, 1)))
    assert sources_of(sentences, "You showed") == (f"score:{numbered_id(1)}",)


def test_the_first_recommendation_is_named_with_its_passage() -> None:
    ranked = [(candidate(1, 5), 0.9), (candidate(2, 6), 0.8)]
    recommendations = recommend(ranked, RetrievalQuery((), (), ()))
    sentences = summary_of((question_score(1, 1.0, 1.0),), recommendations=recommendations)
    assert texts(sentences)[-1] == "A good next step is “Credential 1” by Garden School."
    assert sentences[-1].sources == (f"passage:{numbered_id(1005)}",)
