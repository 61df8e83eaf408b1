"""The state of the system: what works, what is stuck, and what somebody has to mend."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass

from aiohttp import web

from app.domain.text import count_of
from app.http.app_keys import SYSTEM_WATCH
from app.http.sessions import PAGES
from app.pages.operator.deliveries import DELIVERIES
from app.pages.operator.jobs import JOBS, TYPE_NAMES
from app.pages.rendering import render
from app.services.system_state import SystemState

SYSTEM = f"{PAGES}/system"
_OK = "ok"
_SERVER_NAMES = {"postgres": "Postgres", "migrations": "Migrations", "redis": "Redis"}
_QUEUE_NAMES = {str(job_type): name for job_type, name in TYPE_NAMES.items()} | {"webhook": "send messages to webhooks"}
# Seconds after which a waiting job is worth a look.
_LONG_WAIT = 60.0
_WAITS = ((120.0, 1.0, "s"), (7200.0, 60.0, "min"), (172_800.0, 3600.0, "h"), (float("inf"), 86_400.0, "days"))


async def show_system(request: web.Request) -> web.StreamResponse:
    """How everything is. A script asks for this page every few seconds, and the server reads the state for all who look
    at once."""
    state = await request.app[SYSTEM_WATCH].read()
    values = {
        "state": state,
        "problems": _problems(state),
        "servers": [(_SERVER_NAMES[name], found) for name, found in asdict(state.readiness).items()],
        "queues": [(_QUEUE_NAMES[queue.name], queue, _wait(queue.delay)) for queue in state.queues],
        "workers": [
            (worker, [(_QUEUE_NAMES.get(name, name), load) for name, load in worker.load.items()])
            for worker in state.workers
        ],
    }
    return render(request, "operator/system.html", values)


@dataclass(frozen=True)
class _Problem:
    """What somebody should look at, and the page where they can."""

    text: str
    path: str | None = None


def _problems(state: SystemState) -> list[_Problem]:
    """What somebody should look at, the worst first."""
    others = (*_problems_of_servers(state), *_problems_of_models(state))
    return [*map(_Problem, others), *_problems_of_queues(state)]


def _problems_of_servers(state: SystemState) -> Iterator[str]:
    for name, found in asdict(state.readiness).items():
        if found != _OK:
            yield f"{_SERVER_NAMES[name]}: {found}"
    if state.readiness.postgres == _OK and not state.workers:
        yield "no worker is alive, so that nothing is scored"


def _problems_of_models(state: SystemState) -> Iterator[str]:
    for model, breaker in (state.breakers or {}).items():
        if breaker in ("open", "probing"):
            yield f"the model {model} is not available; calls pause"
    if state.budget_is_spent:
        yield "today's budget for models is spent; it begins anew at midnight UTC, or raise MODEL_BUDGET_USD"
    for call, action in state.faults:
        yield f"the model {call.model}: {call.outcome.removeprefix('model_').replace('_', ' ')}; {action}"


def _problems_of_queues(state: SystemState) -> Iterator[_Problem]:
    failed = sum(queue.failed or 0 for queue in state.queues)
    if failed:
        yield _Problem(f"{count_of(failed, 'job')} given up", JOBS)
    for queue in state.queues:
        if queue.delay > _LONG_WAIT:
            yield _Problem(f"{_QUEUE_NAMES[queue.name]}: the oldest has waited for {_wait(queue.delay)}")
        if queue.retried:
            count = count_of(queue.retried, "message")
            yield _Problem(f"{count} to webhooks not delivered yet, and tried again", f"{DELIVERIES}?status=pending")


def _wait(seconds: float) -> str:
    """The time in a unit that reads well."""
    size, unit = next((size, unit) for limit, size, unit in _WAITS if seconds < limit)
    return f"{seconds / size:.0f} {unit}"
