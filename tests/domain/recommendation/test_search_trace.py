"""The trace of a search: places by traced method, the final order, and the bounded size."""

from app.domain.recommendation.query import QueryPart, RetrievalQuery
from app.domain.recommendation.search_trace import MAX_TRACED, SearchMethod, build_trace
from tests.domain.builders import candidate, numbered_id

QUERY = RetrievalQuery((QueryPart("soil", 1.0),), (QueryPart("soil", 0.7),), ("soil",))


def test_places_count_each_credential_once() -> None:
    by_words = [candidate(1, 1), candidate(1, 2), candidate(2, 3)]
    by_meaning = [candidate(3, 4, 0.91234), candidate(2, 3, 0.5)]
    ranked = [(by_meaning[1], 0.9), (by_words[0], 0.5), (by_meaning[0], 0.4)]
    trace = build_trace(QUERY, {SearchMethod.FULL_TEXT: by_words, SearchMethod.VECTOR: by_meaning}, ranked, "m")
    places = [(line.rank, line.credential_id.int, line.by_words, line.by_meaning) for line in trace.candidates]
    assert places == [(1, 2, 2, 2), (2, 1, 1, None), (3, 3, None, 1)]
    assert (trace.passages, trace.candidates[2].similarity) == (
        {SearchMethod.FULL_TEXT: 3, SearchMethod.VECTOR: 2},
        0.9123,
    )
    assert trace.candidates[0].passage_id == numbered_id(1003)
    assert trace.model == "m"
    assert build_trace(QUERY, {SearchMethod.FULL_TEXT: by_words}, ranked, "m").model is None
    assert all(traced.on_standing_list is None for traced in trace.candidates)


def test_the_standing_list_is_a_method_of_its_own() -> None:
    standing = [candidate(1, 1)]
    (traced,) = build_trace(QUERY, {SearchMethod.DEFAULT_LIST: standing}, [(standing[0], 1.0)], "m").candidates
    assert (traced.on_standing_list, traced.by_words, traced.by_meaning) == (1, None, None)


def test_its_size_is_bounded_whatever_the_query() -> None:
    long = (QueryPart("x" * 20_000, 1.0),) * 500
    passages = [candidate(number, number, 0.5) for number in range(1, 101)]
    query = RetrievalQuery(long, long, ("soil",) * 500)
    trace = build_trace(query, {SearchMethod.VECTOR: passages}, [(passage, 0.5) for passage in passages], "m")
    assert len(trace.candidates) == MAX_TRACED
    assert len(trace.model_dump_json()) < 60_000
