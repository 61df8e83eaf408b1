"""Access rules: a handler cannot forget to check the owner of an assessment, and no route is without a rule."""

import aiohttp
import pytest
from aiohttp import web
from pytest_aiohttp.plugin import AiohttpClient
from structlog.testing import capture_logs
from structlog.typing import EventDict

from app.domain.states import Role
from app.http.access import MONITORING, OWNER, OWNER_OR_STAFF, AccessRule, guarded
from app.http.app_keys import ACCESS
from app.server import create_app
from app.settings import Settings
from app.web.route import Route
from app.web.routes import ROUTES, find_target
from tests.api import Api
from tests.web.conftest import ProductServer
from tests.web.problems import problem

SECRET = "the answers of another student"


async def forgetful(request: web.Request) -> web.StreamResponse:
    """Answers without the check."""
    return web.Response(text=SECRET)


async def forgetful_stream(request: web.Request) -> web.StreamResponse:
    """Begins a stream without the check."""
    stream = web.StreamResponse()
    await stream.prepare(request)
    await stream.write(SECRET.encode())
    return stream


async def careful(request: web.Request) -> web.StreamResponse:
    """Checks that the assessment of `student-1` may be read."""
    request[ACCESS].check_owner("student-1")
    return web.Response(text=SECRET)


@pytest.fixture
async def api(aiohttp_client: AiohttpClient, settings: Settings) -> Api:
    """A server with three more routes, for owners of assessments and staff."""
    app = create_app(settings)
    for handler in (forgetful, forgetful_stream, careful):
        app.router.add_get(f"/{handler.__name__}", guarded(handler, OWNER_OR_STAFF, None))
    return Api(await aiohttp_client(ProductServer(app)))


def errors(logs: list[EventDict]) -> list[str]:
    """The events among the logs that have a traceback."""
    return [line["event"] for line in logs if "exc_info" in line and line["log_level"] == "error"]


async def test_an_answer_without_the_owner_check_is_not_sent(api: Api) -> None:
    for caller in (api, api.as_("advisor")):
        with capture_logs() as logs:
            reply = await caller.get("/forgetful")
        problem(reply, 500, "internal-error")
        assert (SECRET.encode() in reply.raw, errors(logs)) == (False, ["request_failed"])


async def test_a_stream_without_the_owner_check_is_cut_before_it_begins(api: Api) -> None:
    for caller in (api, api.as_("advisor")):
        with capture_logs() as logs, pytest.raises(aiohttp.ServerDisconnectedError):
            await caller.get("/forgetful_stream")
        assert errors(logs) == ["request_failed"]


async def test_an_answer_with_the_owner_check_is_sent(api: Api) -> None:
    for caller in (api, api.as_("advisor")):
        assert (await caller.get("/careful")).raw.decode() == SECRET
    problem(await api.as_("student", sub="student-2").get("/careful"), 403, "forbidden")


def test_no_route_is_without_a_rule() -> None:
    with pytest.raises(TypeError, match="access"):
        Route("GET", "/tracks", careful)  # type: ignore[call-arg]
    for fields in ({}, {"staff_query": frozenset({"track"})}, {"public": True, "roles": frozenset({Role.ADMIN})}):
        with pytest.raises(ValueError, match="public"):
            AccessRule(**fields)


def test_the_token_of_metrics_stands_for_no_caller() -> None:
    with pytest.raises(ValueError, match="no caller"):
        AccessRule(roles=frozenset({Role.ADMIN}), metrics_token=True)


def test_no_rule_lets_every_student_at_what_only_its_owner_may_have() -> None:
    with pytest.raises(ValueError, match="own assessments"):
        AccessRule(owner=True, roles=frozenset({Role.STUDENT}))


def test_every_guarded_path_with_parameters_has_something_to_find() -> None:
    with pytest.raises(KeyError):
        find_target(Route("GET", "/unheard/{of}", careful, OWNER, {200: None}))
    for route in ROUTES:
        # Nobody who may not read about people learns which of them are stored.
        nothing = route.access.public or "{" not in route.path or route.path.startswith("/people/{sub}")
        assert (find_target(route) is None) == nothing


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        (AccessRule(public=True), "No token is needed."),
        (MONITORING, "No token is needed, unless METRICS_TOKEN is set."),
        (AccessRule(roles=frozenset({Role.ADMIN})), "Only for admins."),
        (OWNER, "Only for the student who owns the assessment."),
        (OWNER_OR_STAFF, "Only for advisors, admins and the student who owns the assessment."),
    ],
)
def test_a_rule_says_who_may(rule: AccessRule, sentence: str) -> None:
    assert str(rule) == sentence
