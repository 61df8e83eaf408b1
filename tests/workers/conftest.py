"""Starts worker processes as a deployment does, over the test's own database and Redis."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import pytest

from app.repositories.sql import Pool
from tests.bank import Bank, create_bank
from tests.fakes.conditions import until
from tests.fakes.model_server import ModelServer, model_server

ROOT = Path(__file__).parents[2]
# Long, since two cores may be shared with everything else.
START_SECONDS = 60.0
INHERITED = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV")


@dataclass
class WorkerProcess:
    """A running worker and its log lines so far."""

    process: asyncio.subprocess.Process
    lines: list[str] = field(default_factory=list)

    async def read(self) -> None:
        """Collects the log lines until the process ends."""
        assert self.process.stderr
        async for line in self.process.stderr:
            self.lines.append(line.decode())

    def has_logged(self, event: str) -> bool:
        """Whether such an event was logged."""
        return self.count_logged(event) > 0

    def count_logged(self, event: str) -> int:
        """The number of log lines of such an event."""
        return sum(f'"event": "{event}"' in line for line in self.lines)

    async def until_logged(self, event: str) -> None:
        """Returns when such an event is logged."""

        async def logged() -> bool:
            assert self.process.returncode is None or self.has_logged(event), "".join(self.lines)
            return self.has_logged(event)

        await until(logged, START_SECONDS)

    async def end(self, signal_number: int) -> int:
        """Sends a signal; returns the exit status."""
        self.process.send_signal(signal_number)
        async with asyncio.timeout(START_SECONDS):
            return await self.process.wait()


class StartWorker(Protocol):
    """Starts a worker with these settings."""

    async def __call__(self, **settings: str) -> WorkerProcess:
        """Returns a worker that takes messages."""


@pytest.fixture
async def start_worker(database_url: str, redis_url: str) -> AsyncIterator[StartWorker]:
    """Starts workers over the test's own database; those that still run at the end are killed."""
    started: list[tuple[WorkerProcess, asyncio.Task[None]]] = []

    async def start(**settings: str) -> WorkerProcess:
        environment = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "JOB_RETRY_DELAY": "0.1"} | settings
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "app", "worker",
            cwd=ROOT,
            env={name: os.environ[name] for name in INHERITED if name in os.environ} | environment,
            stdin=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        worker = WorkerProcess(process)
        started.append((worker, asyncio.create_task(worker.read())))
        await worker.until_logged("worker_started")
        return worker

    yield start
    for worker, reading in started:
        if worker.process.returncode is None:
            worker.process.kill()
        await worker.process.wait()
        await reading


@pytest.fixture
async def bank(pool: Pool) -> Bank:
    """The small track."""
    return await create_bank(pool)


@pytest.fixture
async def provider() -> AsyncIterator[ModelServer]:
    """A model provider whose answers the test chooses."""
    async with model_server() as server:
        yield server
