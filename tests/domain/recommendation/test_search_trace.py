"""The trace of a search: places by each way, the final order, and a size that nothing can blow up."""

from app.domain.recommendation.query import QueryPart, RetrievalQuery
from app.domain.recommendation.search_trace import MAX_TRACED, SearchMethod, build_trace
from tests.domain.builders import candidate, numbered_id

QUERY = RetrievalQuery((QueryPart("soil", 1.0),), (QueryPart("soil", 0.7),), ("soil",))


def test_places_count_each_credential_once() -> None:
    by_words = [candidate(1, 1), candidate(1, 2), candidate(2, 3)]
    by_meaning = [candidate(3, 4, 0.91234), candidate(2, 3, 0.5)]
    ranked = [(by_meaning[1], 0.9), (by_words[0], 0.5), (by_meaning[0], 0.4)]
    told = build_trace(QUERY, {SearchMethod.WORDS: by_words, SearchMethod.MEANING: by_meaning}, ranked, "m")
    assert [(each.rank, each.credential_id.int, each.by_words, each.by_meaning) for each in told.candidates] == [
        (1, 2, 2, 2), (2, 1, 1, None), (3, 3, None, 1)
    ]  # fmt: skip
    assert (told.passages, told.candidates[2].similarity) == ({SearchMethod.WORDS: 3, SearchMethod.MEANING: 2}, 0.9123)
    assert told.candidates[0].passage_id == numbered_id(1003)
    assert told.model == "m"
    assert build_trace(QUERY, {SearchMethod.WORDS: by_words}, ranked, "m").model is None
    assert all(each.on_standing_list is None for each in told.candidates)


def test_a_standing_list_is_a_way_of_its_own() -> None:
    found = [candidate(1, 1)]
    (told,) = build_trace(QUERY, {SearchMethod.STANDING: found}, [(found[0], 1.0)], "m").candidates
    assert (told.on_standing_list, told.by_words, told.by_meaning) == (1, None, None)


def test_its_size_is_bounded_whatever_was_looked_for() -> None:
    long = (QueryPart("x" * 20_000, 1.0),) * 500
    found = [candidate(number, number, 0.5) for number in range(1, 101)]
    query = RetrievalQuery(long, long, ("soil",) * 500)
    told = build_trace(query, {SearchMethod.MEANING: found}, [(each, 0.5) for each in found], "m")
    assert len(told.candidates) == MAX_TRACED
    assert len(told.model_dump_json()) < 60_000
