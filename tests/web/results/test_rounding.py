"""Numbers that people read are rounded: no answer shows the binary errors of floating point."""

from collections.abc import Iterator
from typing import Any

from tests.api import Api
from tests.bank import SLUG, Bank
from tests.job_runner import Finish


def numbers(value: Any, place: str = "") -> Iterator[tuple[str, float]]:
    """Every number in a JSON value, with its place."""
    match value:
        case dict():
            for name, item in value.items():
                yield from numbers(item, f"{place}/{name}")
        case list():
            for item in value:
                yield from numbers(item, f"{place}/-")
        case float():
            yield place, value


async def test_points_that_a_person_gives_are_rounded(api: Api, bank: Bank, finish: Finish) -> None:
    """Clients compute points, too: 0.1 + 0.2 is 0.30000000000000004, and more than a weight of 0.3."""
    admin, advisor = api.as_("admin"), api.as_("advisor")
    essay = bank.ids["essay"]
    patched = await admin.patch(f"/questions/{essay}", {"weight": 0.1 + 0.2})
    assert (patched.status, patched.body["weight"]) == (200, 0.3)
    path = (await api.post("/assessments", {"track": SLUG})).headers["Location"]
    await api.post(f"{path}/submit", {"responses": bank.all_answers()})
    await finish()
    override = {"score": 0.1 + 0.2, "reason": "All of the rubric is met."}
    reply = await advisor.put(f"{path}/scores/{essay}/override", override)
    assert reply.status == 200
    [line] = [line for line in reply.body["breakdown"]["essay"]["questions"] if line["question_id"] == str(essay)]
    assert (line["override"]["score"], line["max_score"]) == (0.3, 0.3)


async def test_no_number_has_more_than_six_decimals(api: Api, bank: Bank, finish: Finish) -> None:
    admin = api.as_("admin")
    # Each of these makes products that binary numbers cannot hold exactly.
    for name, weight in (("essay", 3.0), ("essay_two", 1.1), ("partial", 0.7), ("several", 1.3)):
        assert (await admin.patch(f"/questions/{bank.ids[name]}", {"weight": weight})).status == 200
    path = (await api.post("/assessments", {"track": SLUG})).headers["Location"]
    replies = [await api.post(f"{path}/submit", {"responses": bank.all_answers()})]
    await finish()
    replies += [await api.get(f"{path}/{end}") for end in ("result", "status")]
    paths = (f"{path}/trace", "/analytics/overview", "/analytics/scores", "/analytics/model-calls", "/jobs")
    replies += [await admin.get(read) for read in paths]
    assert [reply.status for reply in replies] == [202, *[200] * 7]
    unrounded = {place: value for reply in replies for place, value in numbers(reply.body) if round(value, 6) != value}
    assert unrounded == {}
