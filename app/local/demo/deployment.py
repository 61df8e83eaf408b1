"""A deployment on this machine: Postgres and Valkey (given or embedded), a server and a worker."""

import asyncio
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from rich.console import Console
from rich.progress import Progress

from app.clients.redis.job_queue import REDIS_UNAVAILABLE, JobQueue
from app.domain.text import count_of
from app.local.demo.processes import ProcessEnded, Service, services, watch
from app.local.embedded import embedded_servers
from app.local.local_settings import data_folder, get_or_create_secret
from app.network_errors import address_error, is_loopback
from app.repositories.migrations import MigrationFailed, migrate
from app.settings import Settings, UnusableSetting, WrongSetting, load_settings
from app.wiring.context import connect_redis
from app.wiring.seed import seed_sample_data

# For a server on a slow, busy machine; usually it takes about a second.
_READY_SECONDS = 60.0


@dataclass(frozen=True)
class Deployment:
    """What runs, and where."""

    url: str
    settings: Settings
    logs: Path
    running: tuple[Service, ...]

    def wait(self) -> None:
        """Blocks until a process ends.

        Raises:
            ProcessEnded: one did.
        """
        watch(self.running)


@contextmanager
def deploy(settings: Settings, console: Console) -> Iterator[Deployment]:
    """Starts what is not given, migrates and adds the sample data; stops at the end what was started.

    Raises:
        UnusableSetting: a given server does not answer, or the address cannot be listened on.
        EmbeddedServerError, ProcessEnded: something does not start.
    """
    folder = data_folder(settings)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with ExitStack() as stack:
        values = _server_settings(settings, folder, stack, console) | {"port": str(_port(settings, console))}
        complete = load_settings(**values)
        _prepare_database(complete, console)
        environment = {name.upper(): value for name, value in values.items()}
        by_role = is_loopback(settings.host)
        running = stack.enter_context(services(environment, folder, settings.shutdown_timeout, sign_in_by_role=by_role))
        url = f"http://{_reachable(settings.host)}:{complete.port}"
        _wait_until_ready(url, running)
        console.print(f"server and worker run; API at {url}")
        yield Deployment(url, complete, folder, running)


def _server_settings(settings: Settings, folder: Path, stack: ExitStack, console: Console) -> dict[str, str]:
    """Where Postgres and Redis are, and the secret for tokens. A given database needs a given secret: the kept one
    belongs to the embedded database."""
    if settings.jwt_jwks_url:
        raise WrongSetting("JWT_JWKS_URL: `make run` and `assay demo` sign tokens of their own; unset it")
    if settings.redis_url:
        asyncio.run(_check_redis(settings))
    if settings.database_url and settings.redis_url:
        values = {}
    else:
        console.print("starting the embedded PostgreSQL and Valkey")
        urls = stack.enter_context(embedded_servers(folder))
        values = {"database_url": urls.database_url, "redis_url": urls.redis_url}
    for name in ("database_url", "redis_url"):
        if getattr(settings, name):
            values[name] = settings.secret(name)
    keeps_secret = settings.database_url is None and settings.jwt_secret is None
    return values | {"jwt_secret": get_or_create_secret(folder) if keeps_secret else settings.secret("jwt_secret")}


async def _check_redis(settings: Settings) -> None:
    redis = connect_redis(settings)
    try:
        await JobQueue(redis).check_writable()
    except REDIS_UNAVAILABLE as error:
        raise UnusableSetting(f"REDIS_URL: {error}") from error
    finally:
        await redis.aclose()


def _prepare_database(settings: Settings, console: Console) -> None:
    try:
        applied = migrate(settings.secret("database_url"))
    except MigrationFailed as error:
        raise UnusableSetting(f"DATABASE_URL: {error}") from error
    added = asyncio.run(seed_sample_data(settings, partial(_progress, console)))
    console.print(
        f"database ready ({count_of(applied, 'migration')} applied, {count_of(added, 'row')} of sample data added)"
    )


@contextmanager
def _progress(console: Console, task: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar in a terminal, else a line."""
    if not console.is_terminal:
        console.print(f"{task}: {total}")
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task(task, total=total)
        yield lambda count: progress.advance(bar, count)


def _port(settings: Settings, console: Console) -> int:
    """PORT where it is set; else the default port, or a free one where that is taken."""
    try:
        return _bindable(settings.host, settings.port)
    except OSError as error:
        reason = address_error(settings.host, settings.port, error)
        if "port" in settings.model_fields_set:
            raise reason from error
    try:
        port = _bindable(settings.host, 0)
    except OSError:
        raise reason from None
    console.print(f"port {settings.port} is taken; serving on {port} instead")
    return port


def _bindable(host: str, port: int) -> int:
    """The port, or a free one for 0.

    Raises:
        OSError: it cannot be listened on.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family) as probe:
        bound: int = probe.getsockname()[1]
        return bound


def _reachable(host: str) -> str:
    address = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"[{address}]" if ":" in address else address


def _wait_until_ready(url: str, running: tuple[Service, ...]) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while not _is_ready(url):
        _check(running)
        if time.monotonic() > deadline:
            raise ProcessEnded(f"{url}/readyz did not say that the server is ready in {_READY_SECONDS:g} s")
        time.sleep(0.05)
    # Another server may have answered, if ours found the port taken.
    _check(running)


def _check(running: tuple[Service, ...]) -> None:
    for service in running:
        service.check()


def _is_ready(url: str) -> bool:
    try:
        with urlopen(f"{url}/readyz", timeout=2) as answer:  # noqa: S310 - our own address
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False
