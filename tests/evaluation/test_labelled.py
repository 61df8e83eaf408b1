"""Reading labelled queries, and asking them as the product would."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.clients.llm.embeddings_local import MAX_TOKENS, ModelFiles
from app.domain.states import Level
from app.evaluation.asking import product_query
from app.evaluation.labelled import read_labelled
from app.evaluation.lines import WrongFile

OURS = Path(__file__).parents[1] / "data/retrieval/labelled.jsonl"
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


def written(folder: Path, queries: list[Any], catalogue: Any = CATALOGUE) -> tuple[Path, Path]:
    """Both files."""
    lines = [query if isinstance(query, str) else json.dumps(query) for query in queries]
    (folder / "queries.jsonl").write_text("\n".join(lines), "utf-8")
    (folder / "catalogue.json").write_text(json.dumps(catalogue), "utf-8")
    return folder / "queries.jsonl", folder / "catalogue.json"


def test_our_own_queries_are_read_cut_in_halves_and_short_enough_to_be_embedded() -> None:
    from tokenizers import Tokenizer

    labelled = read_labelled(OURS, None)
    assert len(labelled.queries) == 115 and len(labelled.catalogue) == 150
    assert {half: sum(query.half == half for query in labelled.queries) for half in "ab"} == {"a": 62, "b": 53}
    tokenizer = Tokenizer.from_file(str(ModelFiles.installed().tokenizer))
    tokenizer.no_padding()
    for query in labelled.queries:
        parts = product_query(query).meanings
        assert sum(len(tokenizer.encode(part.text, add_special_tokens=False).ids) for part in parts) <= MAX_TOKENS


def test_a_query_is_asked_as_the_product_would(tmp_path: Path) -> None:
    labelled = read_labelled(*written(tmp_path, [QUERY, QUERY | {"id": "q-2", "level": None}]))
    query, without = map(product_query, labelled.queries)
    assert (query.gaps, query.level, without.level) == (("soil", "water"), Level.BEGINNER, None)
    assert [part.text for part in query.meanings] == ["soil", "water", "Roses", "soil, water", "How does water rise?"]


def test_titles_and_skills_alone_will_do(tmp_path: Path) -> None:
    bare = {"id": "q-1", "track": "gardener", "gaps": ["water"], "accept": ["Water", "Soil"]}
    queries, _ = written(tmp_path, [bare, bare | {"id": "q-2"}])
    catalogue = tmp_path / "catalogue.jsonl"
    catalogue.write_text("".join(json.dumps(body) + "\n" for body in CATALOGUE), "utf-8")
    labelled = read_labelled(queries, catalogue)
    assert labelled.queries[0].accept == {"Water": 1, "Soil": 1}
    assert [(gap.skill, gap.level) for gap in labelled.queries[0].gaps] == [("water", 0.0)]
    assert set(labelled.catalogue) == {"Soil", "Water", "Cooking"}
    assert product_query(labelled.queries[0]).gaps == ("water",)


@pytest.mark.parametrize(
    ("queries", "catalogue", "why"),
    [
        ([QUERY, QUERY | {"id": "2", "accept": {"Stones": 3}}], CATALOGUE, "line 2: accept: not in the catalogue: Sto"),
        ([QUERY, QUERY | {"id": "2", "accept": {"Soil": 4}}], CATALOGUE, "line 2: accept.Soil: "),
        ([QUERY, "{"], CATALOGUE, "line 2: Invalid JSON"),
        ([QUERY, QUERY], CATALOGUE, "two queries have the same id"),
        ([QUERY], CATALOGUE, "at least two labelled queries are needed, not 1"),
        ([QUERY, QUERY], [*CATALOGUE, CATALOGUE[0]], "two credentials have the same title"),
        ([QUERY, QUERY], {"catalogue": []}, "neither a list nor an object"),
        ([QUERY, QUERY], [{"title": "Soil"}], "not a catalogue: provider: Field required"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, queries: list[Any], catalogue: Any, why: str) -> None:
    with pytest.raises(WrongFile, match=why.replace("(", r"\(")):
        read_labelled(*written(tmp_path, queries, catalogue))
