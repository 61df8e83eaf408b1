"""What a model says of a fact: honest rephrasings pass, and whatever says more, less or something else does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.fact_check import says_the_same, tidy
from app.domain.result.summary import Fact, FactKind
from tests.domain.making import awkward_texts, quick
from tests.domain.result.facts import FACTS

HONEST = [
    ("total", "In total, you earned 2.71 of 4.2 points (64.5%)."),
    ("total", "Overall, you scored 64.5 %: 2.71 out of 4.2 possible points."),
    ("total", "You have collected 2.71 points out of 4.2, which is 64,5 percent."),
    ("total", "Your total score is 2.71 of 4.2 points, or 64.5\u00a0%."),
    ("total", "With 64.5 % of the points, you earned 2.71 of 4.2."),
    ("total", "You’ve scored 64.5% overall (2.71 of 4.2 points)."),
    ("total", "Your result amounts to 2.71 of a possible 4.2 points (64.5 per cent)."),
    ("large", "You earned 1,000 of 1,000,000 points (0.1 %)."),
    ("large", "You earned 1000 of 1,000,000 points (0,1%)."),
    ("theory", "For theory, you earned 2 of 3.2 points (62.5 %)."),
    ("theory", "You got two out of 3.2 points on the theory questions, which is 62.5%."),
    ("theory", "In the theoretical part, you've earned 2 of 3.2 points (62.5 %)."),
    ("profile", "In the profile section you received 3 of 3 points (100 %)."),
    ("essay", "Your essays earned 0.71 of 1 points (71%)."),
    ("essay", "With your essay answers you gained 0.71 of a possible 1 points (71 %)."),
    ("unanswered", "Two questions were left unanswered and earned no points."),
    ("unanswered", "You left 2 questions unanswered, so they earned no points."),
    ("unanswered", "2 of your questions had no answer, which earned no points."),
    ("unanswered", "You did not answer 2 questions and got no points for them."),
    ("unanswered", "2 questions went without an answer and earned nothing."),
    ("unscored", "One essay could not be scored, which counts neither for nor against you."),
    ("unscored", "1 essay has no score, so it counts neither for nor against you."),
    ("people", "One question was scored by a person, and that score counts."),
    ("people", "A person scored 1 of your questions, and their score is what counts."),
    ("strengths", "You did best in soil science (90%) and soil (85%)."),
    ("strengths", "Your strongest skills are soil science (90 %) and soil (85 %)."),
    ("strengths", "You showed the most in “soil science” at 90 %, followed by “soil” at 85 %."),
    ("strengths", "soil science (90 %) and soil (85 %) are where you showed the most."),
    ("gaps", "You can improve most in C++ (0 %) and ISO 27001 (2022) (10 %)."),
    ("gaps", "The biggest room for growth is in C++ (0 %), followed by ISO 27001 (2022) (10 %)."),
    ("strengths", "So far, your strengths lie in soil science (90 %) and soil (85 %)."),
    ("gaps", "There is the most room to grow in C++ (0 %) and ISO 27001 (2022) (10 %)."),
    ("advice", "Consider “Soil Science Basics” by Garden School as a next step."),
    ("advice", "As a good next step, you could try Soil Science Basics, offered by Garden School."),
    ("advice", "“Soil Science Basics” from Garden School would be a good next step for you."),
    ("advice", 'To go further, look at "Soil Science Basics" by Garden School.'),
]
FALSE_FIGURES = [
    ("total", "You earned 3.71 of 4.2 points (64.5 %)."),
    ("total", "You earned 4.2 of 2.71 points (64.5 %)."),
    ("total", "You earned 2.71 of 4.2 points (65 %)."),
    ("total", "You earned 2.71 of 4.2 points."),
    ("total", "You earned 64.5 % of the points."),
    ("total", "You earned more than half of the points, 2.71 of 4.2 points (64.5 %)."),
    ("total", "You earned nearly 2.71 of 4.2 points (64.5 %)."),
    ("total", "You earned -2.71 of 4.2 points (64.5 %)."),
    ("total", "You earned 2.71e1 of 4.2 points (64.5 %)."),
    ("total", "You earned 2.71 of 4.2 points (64.5 %), or 271 of 420."),
    ("total", "You earned 2.710 of 4.2 points (64.5 %)."),
    ("total", "You earned 2.71 % of 4.2 points (64.5)."),
    ("total", "You earned two of 2.71 of 4.2 points (64.5 %)."),
    ("total", "64.5 % of your answers earned 2.71 of 4.2 points."),
    ("total", "You earned ２.７１ of 4.2 points (64.5 %)."),
    ("large", "You earned 1,000 of 1,000 points (0.1 %)."),
    ("large", "You earned 1.000 of 1000000 points (0.1 %)."),
    ("theory", "Your 2 theory answers earned 3.2 points (62.5 %)."),
    ("theory", "Your theory answers earned both 2 of 3.2 points (62.5 %)."),
    ("profile", "Your profile answers earned 3 of 3 and 3 points (100 %)."),
    ("essay", "Your essay answers earned 0.71 of one hundred points (71 %)."),
    ("unanswered", "Some questions had no answer and earned no points."),
    ("unanswered", "2 questions had no answer and earned 0 points."),
    ("unscored", "An essay could not be scored: neither for nor against you."),
    ("people", "1 question was scored by 1 person, whose score counts."),
    ("strengths", "You showed most of soil science (85 %), soil (90 %)."),
    ("strengths", "You showed most of soil science, soil (90 %, 85 %)."),
    ("strengths", "You showed most of soil science (90 %)."),
]
SAYS_MORE = [
    ("total", "Well done! You earned 2.71 of 4.2 points (64.5 %)."),
    ("total", "You earned an excellent 2.71 of 4.2 points (64.5 %)."),
    ("total", "You earned 2.71 of 4.2 points (64.5 %), better than most students."),
    ("total", "You earned 2.71 of 4.2 points (64.5 %) and passed."),
    ("total", "You earned only 2.71 of 4.2 points (64.5 %)."),
    ("total", "You earned 2.71 of 4.2 points (64.5 %). You should try again."),
    ("total", "You will earn 2.71 of 4.2 points (64.5 %)."),
    ("total", "You could have earned 2.71 of 4.2 points (64.5 %)."),
    ("total", "It is possible to score 2.71 of 4.2 points (64.5 %)."),
    ("total", "Did you earn 2.71 of 4.2 points (64.5 %)?"),
    ("total", "I gave you 2.71 of 4.2 points (64.5 %)."),
    ("total", "You earned 2.71 of 4.2 points (64.5 %) because you know xylem."),
    ("theory", "Your strong theory answers earned 2 of 3.2 points (62.5 %)."),
    ("people", "1 question was scored by a person, whose score counts more."),
    ("people", "1 question was scored by an expert, whose score counts."),
    ("unscored", "1 essay could not be scored: neither for nor against you, and will be later."),
    ("unscored", "1 essay could not be scored because it was too short: neither for nor against you."),
    ("unanswered", "Sadly, 2 questions had no answer and earned no points."),
    ("unanswered", "2 questions had no answer and earned no points and earned nothing."),
    ("strengths", "You have mastered soil science (90 %) and soil (85 %)."),
    ("strengths", "You showed most of soil science (90 %), soil (85 %), more than others."),
    ("strengths", "You showed most of soil science (90 %), soil (85 %) and water."),
    ("gaps", "You must learn C++ (0 %) and ISO 27001 (2022) (10 %)."),
    ("gaps", "You will gain most in C++ (0 %), ISO 27001 (2022) (10 %)."),
    ("gaps", "There is most to gain in C++ (0 %), ISO 27001 (2022) (10 %), and in Rust."),
    ("advice", "A good next step is “Soil Science Basics” by Garden School, which gets you a job."),
    ("advice", "A good next step is “Soil Science Basics” by Garden School or “Irrigation Planner”."),
    ("advice", "A good next step is the free “Soil Science Basics” by Garden School."),
    ("advice", "The best next step is “Soil Science Basics” by Garden School."),
    ("advice", "You need “Soil Science Basics” by Garden School as a next step."),
    ("advice", "You could be offered “Soil Science Basics” by Garden School as a next step."),
]
SAYS_LESS_OR_ELSE = [
    ("total", "Your theory answers earned 2.71 of 4.2 points (64.5 %)."),
    ("total", "You missed 2.71 of 4.2 points (64.5 %)."),
    ("total", "You have not earned 2.71 of 4.2 points (64.5 %)."),
    ("total", "You never earned 2.71 of 4.2 points (64.5 %)."),
    ("theory", "You earned 2 of 3.2 points (62.5 %)."),
    ("theory", "In total, your theory answers earned 2 of 3.2 points (62.5 %)."),
    ("theory", "Your essay answers earned 2 of 3.2 points (62.5 %)."),
    ("theory", "Your theory and essay answers earned 2 of 3.2 points (62.5 %)."),
    ("unanswered", "2 questions had an answer and earned no points."),
    ("unanswered", "2 questions had no answer and earned points."),
    ("unanswered", "2 questions had no answer."),
    ("unanswered", "You left 2 questions unanswered and earned no points."),
    ("unanswered", "2 questions had no answer, so you earned no points."),
    ("unanswered", "2 essays had no answer and earned no points."),
    ("unscored", "1 essay could be scored: neither for nor against you."),
    ("unscored", "1 essay could not be scored: against you."),
    ("unscored", "1 essay could not be scored, which counts for you."),
    ("unscored", "1 essay could not be scored: neither for nor for you."),
    ("unscored", "1 essay could not be scored."),
    ("people", "1 question was not scored by a person, whose score counts."),
    ("people", "1 question was scored by a person."),
    ("people", "1 person was scored by a question, whose score counts."),
    ("strengths", "There is most to gain in soil science (90 %), soil (85 %)."),
    ("strengths", "You showed least of soil science (90 %), soil (85 %)."),
    ("strengths", "You showed most of Soil Science (90 %), soil (85 %)."),
    ("strengths", "You showed most of soil sciences (90 %), soil (85 %)."),
    ("strengths", "You lie in your strongest areas: soil science (90 %), soil (85 %)."),
    ("gaps", "You gained most in C++ (0 %), ISO 27001 (2022) (10 %)."),
    ("gaps", "You showed most of C++ (0 %), ISO 27001 (2022) (10 %)."),
    ("gaps", "There is most to gain in C (0 %), ISO 27001 (2022) (10 %)."),
    ("gaps", "There is least to gain in C++ (0 %), ISO 27001 (2022) (10 %)."),
    ("gaps", "There is nothing to gain in C++ (0 %), ISO 27001 (2022) (10 %)."),
    ("advice", "A good next step is “Garden School” by Soil Science Basics."),
    ("advice", "A good next step is “Soil Science Basics”."),
    ("advice", "A good next step is “Soil Science” by Garden School."),
    ("advice", "Avoid “Soil Science Basics” by Garden School as a next step."),
    ("advice", "A good next step is not “Soil Science Basics” by Garden School."),
]
NO_PLAIN_SENTENCE = [
    ("total", ""),
    ("total", "   "),
    ("total", "You earned 2.71 of 4.2 points (64.5 %)"),
    ("total", "You earned 2.71 of 4.2 points (64.5 %)!"),
    ("total", "you earned 2.71 of 4.2 points (64.5 %)."),
    ("total", "**You earned 2.71 of 4.2 points (64.5 %).**"),
    ("total", "You earned <b>2.71 of 4.2</b> points (64.5 %)."),
    ("total", "You earned\n2.71 of 4.2 points (64.5 %)."),
    ("total", "You earned \u202e2.71 of 4.2 points (64.5 %)."),
    ("total", "You earned\u200b 2.71 of 4.2 points (64.5 %)."),
    ("total", "Yоu earned 2.71 of 4.2 points (64.5 %)."),
    ("total", "🎉 You earned 2.71 of 4.2 points (64.5 %)."),
    ("total", "You earned 2.71 of 4.2 points (64.5 %), in total, " + "overall, " * 8 + "altogether."),
    ("total", "Du hast 2.71 von 4.2 Punkten (64.5 %)."),
    ("advice", "A good next step is [Soil Science Basics](https://evil.example) by Garden School."),
    ("advice", "A good next step is “Soil Science Basics by Garden School."),
    ("advice", "A good next step is “Soil Science Basics” by Garden School, see garden.example."),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text"), HONEST)
def test_honest_rephrasings_pass(name: str, text: str) -> None:
    assert says_the_same(tidy(text), FACTS[name])


@pytest.mark.parametrize(("name", "text"), [*FALSE_FIGURES, *SAYS_MORE, *SAYS_LESS_OR_ELSE, *NO_PLAIN_SENTENCE])
def test_lies_and_oddities_do_not(name: str, text: str) -> None:
    assert not says_the_same(tidy(text), FACTS[name])


@pytest.mark.parametrize("name", FACTS)
def test_a_fact_says_what_it_says_and_none_says_what_another_does(name: str) -> None:
    assert [other for other in FACTS if says_the_same(FACTS[name].text, FACTS[other])] == [name]


@quick
@given(st.sampled_from(sorted(FACTS)), awkward_texts, st.integers(0, 60))
def test_nothing_put_into_a_sentence_makes_it_pass_or_fall_over(name: str, odd: str, place: int) -> None:
    fact = FACTS[name]
    text = tidy(fact.text[:place] + odd + fact.text[place:])
    assert not says_the_same(text, fact) or _letters(text) == _letters(fact.text)


def _letters(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())


@pytest.mark.parametrize(
    "name", ["in", "most", "(", "90", "a b", "“soil”", "%", "x" * 64, "\\d+", "9 %), soil (9 %", "É"]
)
def test_names_of_any_kind_are_names(name: str) -> None:
    fact = Fact(FactKind.STRENGTHS, f"You showed most of {name} (9 %).", ("score:1",), (name,))
    says_the_same(fact.text, fact)
    assert not says_the_same(f"You showed most of {name} (8 %).", fact)
    assert not says_the_same("You showed most of soil (9 %).", fact)
