"""Reading labelled queries, and building the search queries that the service would."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.clients.llm.embedder import MAX_TOKENS
from app.clients.llm.offline_model import ModelFiles
from app.domain.recommendation.student import LevelSource
from app.domain.states import Level
from app.evaluation.json_lines import InvalidFile
from app.evaluation.labelled_queries import read_labelled_set
from app.evaluation.retrieval_queries import to_retrieval_query

STUDENTS = Path(__file__).parents[1] / "data/retrieval/students.jsonl"
OUR_QUERIES = Path(__file__).parents[1] / "data/retrieval/labelled.jsonl"
QUERY: dict[str, Any] = {
    "id": "q-1", "track": "gardener", "level": "beginner", "skills_of_track": ["soil", "water"],
    "gaps": [{"skill": "water", "level": 0.4}, {"skill": "soil", "level": 0.1}], "interests": ["Roses"],
    "essay_subjects": ["How does water rise?"], "accept": {"Soil": 3, "Water": 1}, "note": "",
}  # fmt: skip
CATALOGUE = [
    {"title": title, "provider": f"School of {title}", "url": "https://school.example", "level": level,
     "skills": [title.lower()], "description": f"All about {title.lower()}. It ends with an exam."}
    for title, level in (("Soil", "beginner"), ("Water", "advanced"), ("Cooking", "beginner"))
]  # fmt: skip


def write_files(folder: Path, queries: list[Any], catalogue: Any = CATALOGUE) -> tuple[Path, Path]:
    """The paths of a file with these queries and one with these credentials."""
    lines = [query if isinstance(query, str) else json.dumps(query) for query in queries]
    (folder / "queries.jsonl").write_text("\n".join(lines), "utf-8")
    (folder / "catalogue.json").write_text(json.dumps(catalogue), "utf-8")
    return folder / "queries.jsonl", folder / "catalogue.json"


def test_our_own_queries_are_read_split_in_halves_and_short_enough_to_be_embedded() -> None:
    from tokenizers import Tokenizer

    labelled = read_labelled_set(OUR_QUERIES, None)
    assert len(labelled.queries) == 115 and len(labelled.credentials) == 150
    assert {half: sum(query.half == half for query in labelled.queries) for half in "ab"} == {"a": 62, "b": 53}
    tokenizer = Tokenizer.from_file(str(ModelFiles.installed().tokenizer))
    tokenizer.no_padding()
    for query in labelled.queries:
        parts = to_retrieval_query(query).vector_parts
        lengths = [len(tokenizer.encode(part.text, add_special_tokens=False).ids) for part in parts]
        shared = 1 + len(query.essay_subjects)
        assert sum(lengths[:-shared]) <= MAX_TOKENS and max(lengths[-shared:]) <= MAX_TOKENS


def test_queries_of_students_are_read_with_what_they_refuse() -> None:
    queries = read_labelled_set(STUDENTS, None).queries
    assert {half: sum(query.half == half for query in queries) for half in "ab"} == {"a": 38, "b": 42}
    assert sum(bool(query.refused) for query in queries) == 38
    assert all(len(query.essay_subjects) == 3 and query.answers for query in queries)
    assert not any(set(query.accept) & set(query.refused) for query in queries)
    assert all(query.named is not None and not set(query.named) & set(query.unwanted) for query in queries)


def test_a_labelled_query_becomes_the_search_query_of_the_service(tmp_path: Path) -> None:
    labelled = read_labelled_set(*write_files(tmp_path, [QUERY, QUERY | {"id": "q-2", "level": None}]))
    query, without = map(to_retrieval_query, labelled.queries)
    assert (query.gaps, query.student.level) == (("soil", "water"), Level.BEGINNER)
    assert without.student.level_source is LevelSource.ESTIMATED
    assert [part.text for part in query.vector_parts] == [
        "soil",
        "water",
        "Roses",
        "soil, water",
        "How does water rise?",
    ]


def test_titles_without_grades_and_skills_without_levels_are_accepted(tmp_path: Path) -> None:
    bare = {"id": "q-1", "track": "gardener", "gaps": ["water"], "accept": ["Water", "Soil"]}
    queries, _ = write_files(tmp_path, [bare, bare | {"id": "q-2"}])
    catalogue = tmp_path / "catalogue.jsonl"
    catalogue.write_text("".join(json.dumps(body) + "\n" for body in CATALOGUE), "utf-8")
    labelled = read_labelled_set(queries, catalogue)
    assert labelled.queries[0].accept == {"Water": 1, "Soil": 1}
    assert [(gap.skill, gap.level) for gap in labelled.queries[0].gaps] == [("water", 0.0)]
    assert set(labelled.credentials) == {"Soil", "Water", "Cooking"}
    assert to_retrieval_query(labelled.queries[0]).gaps == ("water",)


@pytest.mark.parametrize(
    ("queries", "catalogue", "why"),
    [
        ([QUERY, QUERY | {"id": "2", "accept": {"Stones": 3}}], CATALOGUE, "line 2: accept: no such credential: Sto"),
        ([QUERY, QUERY | {"id": "2", "accept": {"Soil": 4}}], CATALOGUE, "line 2: accept.Soil: "),
        ([QUERY, QUERY | {"id": "2", "refused": ["Sun"]}], CATALOGUE, "line 2: refused: no such credential: Sun"),
        ([QUERY, "{"], CATALOGUE, "line 2: Invalid JSON"),
        ([QUERY, QUERY], CATALOGUE, "two queries have the same id"),
        ([QUERY], CATALOGUE, "at least two labelled queries are needed, not 1"),
        ([QUERY, QUERY], [*CATALOGUE, CATALOGUE[0]], "two credentials have the same title"),
        ([QUERY, QUERY], {"catalogue": []}, "neither a list nor an object"),
        ([QUERY, QUERY], [{"title": "Soil"}], "not a list of credentials: provider: Field required"),
    ],
)
def test_invalid_files_are_refused_with_the_reason(
    tmp_path: Path, queries: list[Any], catalogue: Any, why: str
) -> None:
    with pytest.raises(InvalidFile, match=why.replace("(", r"\(")):
        read_labelled_set(*write_files(tmp_path, queries, catalogue))
