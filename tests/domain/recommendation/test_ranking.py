"""What moves a credential up among the recommendations, and what keeps the five apart."""

from dataclasses import replace
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from app.domain.recommendation.query import Candidate, RetrievalQuery
from app.domain.recommendation.ranking import rank
from tests.domain.builders import candidate, quick

ANYTHING = RetrievalQuery(words=(), meanings=(), gaps=())
WATER = replace(ANYTHING, gaps=("water", "soil"))


def found(number: int, *skills: str, provider: str | None = None, title: str | None = None) -> Candidate:
    return replace(
        candidate(number, number, skills=skills or (f"skill {number}",)),
        provider=provider or f"School {number}",
        title=title or f"Title {number}",
    )


def order(query: RetrievalQuery, *rankings: list[Candidate]) -> list[int]:
    return [one.credential_id.int for one, _ in rank(query, *rankings)]


def test_without_gaps_the_order_is_that_of_the_ranking() -> None:
    assert order(ANYTHING, [found(3), found(1), found(2)]) == [3, 1, 2]


def test_what_closes_a_gap_moves_up_and_its_main_subject_moves_up_further() -> None:
    others = [found(number) for number in range(1, 4)]
    assert order(WATER, [*others, found(4, "water")])[0] == 4
    assert order(WATER, [found(5, "tools", "seeds", "Water"), found(4, "water")]) == [4, 5]
    assert order(WATER, [found(5, "soil"), found(4, "water")]) == [4, 5], "the lowest gap first"


def test_what_has_nothing_to_do_with_the_query_is_left_out() -> None:
    def alike(number: int, similarity: float | None, *skills: str) -> Candidate:
        return replace(found(number, *skills), similarity=similarity)

    query = replace(WATER, skills=("Tools",))
    near, far, gap, track, unknown = (
        alike(1, 0.3), alike(2, 0.29), alike(3, 0.1, "Soil"), alike(4, -0.1, "tools"), alike(5, None)
    )  # fmt: skip
    assert sorted(order(query, [near, far, gap, track], [unknown])) == [1, 3, 4, 5]
    assert order(query, [far]) == []


def test_relevance_is_1_for_what_is_first_everywhere_and_closes_all_gaps() -> None:
    one = found(1, "water")
    ((_, alone),) = rank(replace(WATER, gaps=("water",)), [one], [one])
    ((_, without),) = rank(replace(WATER, gaps=("stones",)), [one], [one])
    assert (alone, without) == (1.0, 0.6667)


def test_a_provider_has_two_of_the_five() -> None:
    same = [found(number, provider="The same") for number in range(1, 6)]
    assert order(ANYTHING, [*same, *(found(number) for number in range(6, 9))])[:5] == [1, 2, 6, 7, 8]


def test_a_topic_has_two_of_the_five() -> None:
    same = [found(number, "a", "b", "c", *("d" * (number % 2))) for number in range(1, 5)]
    assert order(ANYTHING, [*same, *(found(number) for number in range(6, 9))])[:5] == [1, 2, 6, 7, 8]


def test_a_title_comes_once() -> None:
    assert order(ANYTHING, [found(1, title="A"), found(2, title="a"), *(found(n) for n in range(3, 7))])[:5] == [
        1, 3, 4, 5, 6,
    ]  # fmt: skip


def test_alike_is_better_than_nothing() -> None:
    same = [found(number, provider="The same") for number in range(1, 8)]
    assert order(ANYTHING, same) == [1, 2, 3, 4, 5, 6, 7]


_FOUND = st.builds(
    lambda number, skills, provider: found(number, *skills, provider=provider),
    st.integers(1, 12), st.lists(st.sampled_from(["water", "soil", "tools"]), unique=True), st.sampled_from("abc"),
)  # fmt: skip


@quick
@given(st.lists(_FOUND, max_size=14, unique_by=lambda one: one.credential_id), st.randoms(use_true_random=False))
def test_nothing_is_lost_and_the_order_of_the_rankings_changes_nothing(every: list[Candidate], chance: Random) -> None:
    other = chance.sample(every, len(every))
    ranked = rank(WATER, every, other)
    assert ranked == rank(WATER, other, every)
    assert sorted(one.credential_id for one, _ in ranked) == sorted(one.credential_id for one in every)
    relevance = [share for _, share in ranked[:5]]
    assert relevance == sorted(relevance, reverse=True) and all(0 < share <= 1 for share in relevance)
