"""Reading the stance of each clause: wanted, refused or held."""

import pytest

from app.domain.recommendation.clauses import Stance, read_clauses


def read(text: str) -> dict[str, list[str]]:
    """The words of the clauses by the first letter of their stance."""
    by_stance: dict[str, list[str]] = {}
    for clause in read_clauses(text):
        by_stance.setdefault(clause.stance[0], []).append(clause.words.strip(" .,!"))
    return by_stance


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("Messaging, but not Kafka. We use RabbitMQ", ["Kafka"]),
        ("Not Power BI, not Tableau", ["Power BI", "Tableau"]),
        ("No Java, PHP or Ruby", ["Java, PHP or Ruby"]),
        ("Not Tableau, Power BI", ["Tableau"]),
        ("Azure or Google Cloud instead of AWS", ["AWS"]),
        ("CDN and HTTP caching, rather than Redis", ["Redis"]),
        ("I'd rather not do Python", ["do Python"]),
        ("I never want to see Java again", ["see Java again"]),
        ("I don’t want Docker and would like Helm", ["Docker"]),
        ("ISTQB is not what I want", ["ISTQB"]),
        ("GraphQL is not for us, we stay with REST", ["GraphQL"]),
        ("Python can wait", ["Python"]),
        ("anything but Azure", ["Azure"]),
        ("I have had enough of Snowflake", ["Snowflake"]),
        ("I've seen Spark, no more of it", ["I've seen Spark"]),
        ("Everything without Excel", ["Excel"]),
        ("I'm not really into Kubernetes, more of a tester", ["Kubernetes"]),
        ("Spark is of no interest to me", ["Spark"]),
        ("I don't think I need Docker", ["Docker"]),
        ("Neither Java nor Scala", ["Java nor Scala"]),
    ],
)
def test_refusals_end_where_something_else_begins(text: str, refused: list[str]) -> None:
    assert read(text).get("r") == refused


@pytest.mark.parametrize(
    "text",
    [
        "Not only SQL but also modelling", "I don't know Docker", "I never understood caching", "no experience with Go",
        "charts that do not lie", "I'm a florist, not an analyst", "where no experiment is possible", "not sure yet",
        "none so far", "I can't write tests", "SQL", "Nicht Java, sondern Rust",
    ],
)  # fmt: skip
def test_what_only_looks_like_a_refusal_is_none(text: str) -> None:
    assert set(read(text)) == {"w"}


@pytest.mark.parametrize(
    ("text", "held", "wanted"),
    [
        ("I finished First Steps in SQL last month", ["First Steps in SQL last month"], None),
        ("I hold CKA, CKAD and KCNA already", ["CKA, CKAD and KCNA already"], None),
        ("Google Analytics Certification, passed 2024", ["Google Analytics Certification"], ["2024"]),
        ("Docker I know well. Helm!", ["Docker"], ["Helm"]),
        ("I've already got SC-900. An entry", ["SC-900"], ["An entry"]),
        ("I passed the Vault exam and want more", ["the Vault exam"], ["want more"]),
        ("Financial models; I did Excel Expert", ["Excel Expert"], ["Financial models"]),
        ("I have a CKA certificate, so more", ["a CKA certificate"], ["more"]),
        ("My Security+ is from 2022; more", ["My Security+"], ["more"]),
        ("I have done nothing yet", None, None),
    ],
)
def test_what_was_finished_is_held(text: str, held: list[str] | None, wanted: list[str] | None) -> None:
    clauses = read(text)
    assert clauses.get("h") == held
    if wanted is not None:
        assert clauses["w"] == wanted


def test_each_clause_is_cut_from_the_answer() -> None:
    text = "Kafka; not  RabbitMQ, I hold CKA\nand want more"
    assert all(clause.words in text for clause in read_clauses(text))
    assert {clause.stance for clause in read_clauses(text)} == set(Stance)
