"""A whole deployment on this machine, out of what the settings name and what comes with the software."""

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from rich.console import Console

from app.local.demo.processes import ProcessEnded, Service, services, watch
from app.local.demo.secret import kept_secret
from app.local.embedded import ServerUrls, embedded_servers
from app.repositories.migrations import migrate
from app.settings import Settings, load_settings
from app.wiring.seed import seed_sample_data

# A server on a slow, busy machine; it takes about a second.
_READY_SECONDS = 60.0


@dataclass(frozen=True)
class Deployment:
    """What runs, and where."""

    url: str
    settings: Settings
    logs: Path
    running: tuple[Service, ...]

    def wait(self) -> None:
        """Returns never, unless a process ends.

        Raises:
            ProcessEnded: one did.
        """
        watch(self.running)


@contextmanager
def deploy(settings: Settings, console: Console) -> Iterator[Deployment]:
    """Starts everything; stops on the way out what was started."""
    folder = Path(settings.assay_data_dir).resolve()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with ExitStack() as stack:
        environment = _storage(settings, folder, stack, console) | {"PORT": str(_port(settings, console))}
        complete = load_settings(**{name.lower(): value for name, value in environment.items()})
        applied, added = migrate(complete.secret("database_url")), asyncio.run(seed_sample_data(complete))
        console.print(f"database ready ({applied} migrations applied, {added} rows of sample data added)")
        running = stack.enter_context(services(environment, folder, settings.shutdown_timeout))
        url = f"http://{_reachable(settings.host)}:{complete.port}"
        _wait_until_ready(url, running)
        console.print(f"server and worker run; API at {url}")
        yield Deployment(url, complete, folder, running)


def _storage(settings: Settings, folder: Path, stack: ExitStack, console: Console) -> dict[str, str]:
    """What the processes need in their environment to find Postgres, Redis and the tokens' secret."""
    given = {name: settings.secret(name) for name in ("database_url", "redis_url") if getattr(settings, name)}
    if len(given) < 2:
        console.print("starting the embedded PostgreSQL and Valkey")
        given = _urls(stack.enter_context(embedded_servers(folder))) | given
    if settings.database_url is None and settings.jwt_secret is None:
        given["jwt_secret"] = kept_secret(folder)
    else:
        given["jwt_secret"] = settings.secret("jwt_secret")
    return {name.upper(): value for name, value in given.items()}


def _urls(urls: ServerUrls) -> dict[str, str]:
    return {"database_url": urls.database_url, "redis_url": urls.redis_url}


def _port(settings: Settings, console: Console) -> int:
    """The port that is asked for; without a wish, the usual one or a free one."""
    wished = "port" in settings.model_fields_set
    port = _free_port(settings.host, settings.port)
    if port is None and wished:
        raise ProcessEnded(f"PORT: {settings.host}:{settings.port} cannot be listened on; is it taken?")
    port = port or _free_port(settings.host, 0)
    if port is None:
        raise ProcessEnded(f"HOST: there is no port to listen on at {settings.host}")
    if port != settings.port and not wished:
        console.print(f"port {settings.port} is taken; serving on {port} instead")
    return port


def _free_port(host: str, wanted: int) -> int | None:
    """The port, or any for 0; None where it cannot be listened on."""
    try:
        with socket.create_server((host, wanted)) as probe:
            port: int = probe.getsockname()[1]
            return port
    except OSError:
        return None


def _reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104 - compared, not bound


def _wait_until_ready(url: str, running: tuple[Service, ...]) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while not _ready(url):
        _check(running)
        if time.monotonic() > deadline:
            raise ProcessEnded(f"{url}/readyz did not say that the server is ready in {_READY_SECONDS:g} s")
        time.sleep(0.05)
    # Whoever said that may be another server, if ours found the port taken.
    _check(running)


def _check(running: tuple[Service, ...]) -> None:
    for service in running:
        service.check()


def _ready(url: str) -> bool:
    try:
        with urlopen(f"{url}/readyz", timeout=2) as answer:  # noqa: S310 - our own address
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False
