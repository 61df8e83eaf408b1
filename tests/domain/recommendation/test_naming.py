"""Which credentials a student's words name, refuse or hold."""

from dataclasses import replace

import pytest

from app.domain.recommendation.naming import is_refused, mentioned_skills, served_skills
from app.domain.recommendation.query import Candidate, RetrievalQuery
from app.domain.recommendation.ranking import rank
from app.domain.recommendation.recommend import recommend
from app.domain.recommendation.skill_aliases import (
    AliasPair,
    SkillAliases,
    default_aliases,
    default_pairs,
    pair_faults,
)
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
        ("A/B tests", AB, True), ("A/B tests", TABLEAU, False),
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
    aliases = default_aliases()
    assert aliases.same_skill("Data Modelling", "data models") and aliases.same_skill("K8s", "kubernetes")
    assert aliases.same_skill("data visualization", "Data visualisation") and not aliases.same_skill("sql", "nosql")
    assert mentioned_skills("queues and k8s", ("messaging", "kubernetes"), aliases) == ("kubernetes",)
    assert served_skills("queues and k8s", ("messaging", "kubernetes"), aliases) == ("messaging", "kubernetes")
    assert mentioned_skills("to go on with r", ("go", "r"), aliases) == ()
    assert mentioned_skills("Golf", ("go",), aliases) == ()
    assert mentioned_skills("Go, R", ("go", "r"), aliases) == ("go", "r")


def test_names_of_a_list_of_ones_own_mean_the_same() -> None:
    aliases = SkillAliases([("Bodenkunde", "soil science"), ("pedology", "soil science")])
    query = RetrievalQuery((), (), ("soil science",), student=Student(wishes=("Bodenkunde",)), aliases=aliases)
    course = credential("Böden", "Pedology")
    assert aliases.same_skill("bodenkunde", "PEDOLOGY") and not aliases.same_skill("k8s", "kubernetes")
    (recommendation,) = recommend(rank(query, [course]), query)
    assert recommendation.reason == "Covers soil science, where your theory score showed gaps."
    assert not is_refused(course, replace(query, student=Student(held=("Bodenkunde",))))
    assert is_refused(course, replace(query, gaps=(), student=Student(held=("Bodenkunde",))))


@pytest.mark.parametrize(
    ("pairs", "faults"),
    [
        ([("k8s", "kubernetes"), ("kube", "Kubernetes")], {}),
        ([("k8s", "kubernetes"), ("K8S", "clusters")], {1: "K8S stands for kubernetes already"}),
        ([("tests", "Testing")], {0: "tests and Testing are compared as the same name already"}),
        ([("k8s", "kubernetes"), ("kubernetes", "ops")], {1: "kubernetes is also a skill that other names stand for"}),
        ([("!", "sql")], {0: "a name has no letter and no digit"}),
    ],
)
def test_a_list_of_names_is_unambiguous(pairs: list[AliasPair], faults: dict[int, str]) -> None:
    assert pair_faults(pairs) == faults


def test_the_default_list_is_unambiguous() -> None:
    assert pair_faults(default_pairs()) == {}


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


def test_who_wants_no_code_gets_no_programming_language() -> None:
    for words in ("code", "I've never programmed and", "programming"):
        query = RetrievalQuery((), (), (), student=Student(refused=(words,)))
        assert is_refused(credential("Numbers", "statistics", "python"), query)
        assert not is_refused(credential("Numbers", "statistics", "sql"), query)
    programme = RetrievalQuery((), (), (), student=Student(refused=("a whole programme",)))
    assert not is_refused(credential("Numbers", "python"), programme)


def test_who_wants_no_more_tests_gets_none_under_another_name() -> None:
    query = RetrievalQuery((), (), (), student=Student(refused=("I've run A/B tests for years",)))
    assert is_refused(credential("Online Experiments at Scale", "experimentation"), query)
    assert not is_refused(credential("Experiments in the Factory", "experimentation"), query)
