"""No body keeps the server busy: what is counted are calls of Python functions, whose number does not depend on the
machine. `make bench ARGS="--only bodies"` measures the time."""

import json
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
from pydantic import BaseModel

from app.schemas.requests import SubmitBody
from app.services.idempotency import IdempotentRequest
from app.web.routes import ROUTES
from tests.api import Api
from tests.web.costly_bodies import costly_bodies, handle_body

BODIES = costly_bodies()
# A call takes a tenth of a microsecond to a few, so that these take less than 50 ms.
MAX_CALLS = 150_000
# The bodies of all routes.
MODELS = {
    shape
    for route in ROUTES
    for shape in getattr(route.body, "__args__", (route.body,))
    if isinstance(shape, type) and issubclass(shape, BaseModel)
}


def count_calls(work: Callable[[], object]) -> int:
    """The number of calls of functions, in Python or from Python, while the work is done."""
    calls = 0

    def count(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.parametrize("name", BODIES)
def test_every_body_takes_few_steps_whatever_is_in_it(name: str) -> None:
    assert SubmitBody in MODELS and len(MODELS) > 10
    for model in MODELS:
        assert count_calls(lambda model=model: handle_body(BODIES[name], model)) < MAX_CALLS, model  # type: ignore[misc]


@pytest.mark.parametrize("name", ["large numbers", "integers", "wide nested lists", "objects", "empty objects"])
def test_a_parser_that_does_not_count_first_takes_many_steps(name: str) -> None:
    """The control of the test above: the same hooks, without the count before."""
    hooks: Any = {"parse_float": lambda text: abs(float(text)), "parse_int": lambda text: len(text) > 20 or int(text)}
    parse = lambda: json.loads(BODIES[name], object_pairs_hook=lambda pairs: len(dict(pairs)), **hooks)  # noqa: E731
    assert count_calls(parse) > MAX_CALLS


def test_a_fingerprint_of_large_numbers_is_short() -> None:
    """Each would be an integer of 308 digits, which no body can contain."""
    assert IdempotentRequest(None, [9e307]).fingerprint != IdempotentRequest(None, [int(9e307)]).fingerprint
    assert IdempotentRequest(None, [9e307]).fingerprint == IdempotentRequest(None, [9.0e307]).fingerprint
    assert IdempotentRequest(None, [9e307]).fingerprint != IdempotentRequest(None, [9.1e307]).fingerprint
    assert IdempotentRequest(None, [4e18]).fingerprint == IdempotentRequest(None, [4 * 10**18]).fingerprint


@pytest.mark.parametrize("name", BODIES)
async def test_every_body_is_refused_as_a_mistake_of_the_client(api: Api, path: str, name: str) -> None:
    headers = {"Content-Type": "application/json", "Idempotency-Key": "k"}
    for caller, method, where in (
        (api, "PATCH", f"{path}/responses"), (api, "POST", f"{path}/submit"), (api.as_("admin"), "POST", "/questions"),
    ):  # fmt: skip
        reply = await caller.send_raw(method, where, BODIES[name], headers)
        assert reply.status in (400, 422) or (name, where[-7:]) == ("white space", "/submit"), reply.raw[:500]
