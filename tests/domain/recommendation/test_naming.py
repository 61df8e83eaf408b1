"""Which credentials a student's words name, refuse or hold."""

from dataclasses import replace

import pytest

from app.domain.recommendation.naming import is_refused, mentioned_skills, same_skill, served_skills
from app.domain.recommendation.query import Candidate, RetrievalQuery
from app.domain.recommendation.ranking import rank
from app.domain.recommendation.recommend import recommend
from app.domain.recommendation.student import LevelSource, Student
from app.domain.states import Level
from tests.domain.builders import candidate


def credential(title: str, *skills: str, provider: str = "School", level: str = "beginner") -> Candidate:
    return replace(candidate(1, 1, skills=skills), title=title, provider=provider, level=level)


TABLEAU = credential("Salesforce Certified Tableau Data Analyst", "data visualisation", "tableau")
AZURE = credential(
    "Microsoft Certified: Azure Administrator Associate (AZ-104)", "cloud", provider="Microsoft", level="intermediate"
)
SQL = credential("First Steps in SQL", "sql", "spreadsheets")
EXCEL = credential("Microsoft Office Specialist: Excel Expert", "spreadsheets", "excel", level="intermediate")
AB = credential("A/B Testing Practitioner", "experimentation", "statistics", level="advanced")


@pytest.mark.parametrize(
    ("refused", "credential", "expected"),
    [
        ("Tableau", TABLEAU, True), ("tableau", TABLEAU, True), ("Power BI", TABLEAU, False),
        ("data visualization", TABLEAU, True), ("Azure", AZURE, True), ("Microsoft", AZURE, True),
        ("an administrator", AZURE, False), ("A/B tests", AB, True), ("A/B tests", TABLEAU, False),
        ("another beginner course", SQL, True), ("another beginner course", EXCEL, False),
        ("SQL basics once more", SQL, True), ("Excel basics once more", EXCEL, False), ("an exam", TABLEAU, False),
    ],
)  # fmt: skip
def test_what_is_refused(refused: str, credential: Candidate, *, expected: bool) -> None:
    query = RetrievalQuery((), (), ("statistics",), student=Student(refused=(refused,)))
    assert is_refused(credential, query) == expected
    assert (rank(query, [credential]) == ()) == expected


@pytest.mark.parametrize(
    ("held", "credential", "expected"),
    [
        ("AZ-104", AZURE, True), ("AZ-900", AZURE, False), ("MOS Excel Expert two years ago", EXCEL, True),
        ("First Steps in SQL last month", SQL, True), ("the SQL exam", SQL, True), ("SQL from Scratch", SQL, False),
        ("the Tableau certification", TABLEAU, True), ("the Microsoft Azure Administrator exam", AZURE, True),
        ("Python", SQL, False),
    ],
)  # fmt: skip
def test_what_is_held(held: str, credential: Candidate, *, expected: bool) -> None:
    assert is_refused(credential, RetrievalQuery((), (), (), student=Student(held=(held,)))) == expected


def test_knowing_a_skill_counts_unless_theory_shows_a_gap() -> None:
    knows = Student(held=("Git",))
    git = credential("Version Control for Teams", "git", "collaboration")
    assert is_refused(git, RetrievalQuery((), (), (), student=knows))
    assert not is_refused(git, RetrievalQuery((), (), ("git",), student=knows))


def test_skills_have_other_names_and_parts() -> None:
    assert same_skill("Data Modelling", "data models") and same_skill("K8s", "kubernetes")
    assert same_skill("data visualization", "Data visualisation") and not same_skill("sql", "nosql")
    assert mentioned_skills("queues and k8s", ("messaging", "kubernetes")) == ("kubernetes",)
    assert served_skills("queues and k8s", ("messaging", "kubernetes")) == ("messaging", "kubernetes")
    assert mentioned_skills("to go on with r", ("go", "r")) == () == mentioned_skills("Golf", ("go",))
    assert mentioned_skills("Go, R", ("go", "r")) == ("go", "r")


def test_a_refused_or_held_skill_is_never_a_reason() -> None:
    student = Student(
        wishes=("Dashboards", "Tableau or SQL"), refused=("Tableau",), held=("SQL",), level=Level.BEGINNER,
        level_source=LevelSource.ESTIMATED,
    )  # fmt: skip
    (line,) = recommend(
        [(credential("Reports", "dashboards", "tableau", "sql"), 0.5)],
        RetrievalQuery((), (), ("tableau",), ("sql", "tableau"), student=student),
    )
    assert line.reason == "Covers dashboards, an interest that you named."


def test_a_part_of_a_skill_is_not_said_to_be_the_skill_that_was_named() -> None:
    query = RetrievalQuery((), (), (), ("sql",), student=Student(wishes=("Database changes without downtime",)))
    (line,) = recommend([(credential("Migrations", "sql"), 0.5)], query)
    assert line.reason == "Builds on sql, which the track asks for."
