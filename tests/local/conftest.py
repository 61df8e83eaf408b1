"""Data folders, servers and server users for the tests of the embedded servers."""

import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from app.local.embedded import EmbeddedPostgres, EmbeddedValkey

from .users import PROGRAM, ROOT, ServerUser, StartUser


@pytest.fixture(scope="session")
def cluster_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a cluster that was initialized and stopped."""
    folder = tmp_path_factory.mktemp("template")
    postgres = EmbeddedPostgres(folder, durable=False)
    postgres.start()
    postgres.stop()
    return folder


@pytest.fixture
def new_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data folder that does not exist yet; servers in it are stopped after the test."""
    folder = tmp_path_factory.mktemp("data") / "deep" / "servers"
    yield folder
    EmbeddedPostgres(folder).stop()
    EmbeddedValkey(folder).stop()


@pytest.fixture
def folder(new_folder: Path, cluster_template: Path) -> Path:
    """A data folder with an initialized cluster, which saves the time of initdb."""
    shutil.copytree(cluster_template, new_folder)
    (new_folder / "postgres.port").unlink()
    return new_folder


@pytest.fixture
def postgres(folder: Path) -> EmbeddedPostgres:
    """A Postgres that is not started yet."""
    return EmbeddedPostgres(folder, durable=False)


@pytest.fixture
def valkey(new_folder: Path) -> EmbeddedValkey:
    """A Valkey that is not started yet."""
    new_folder.mkdir(parents=True)
    return EmbeddedValkey(new_folder, durable=False)


@pytest.fixture
def start_user() -> Iterator[StartUser]:
    """Starts processes that use the servers; they are killed after the test."""
    numbers = itertools.count()
    with ExitStack() as users:

        def start(folder: Path, *options: str, account: str | None = None) -> ServerUser:
            folder.parent.mkdir(parents=True, exist_ok=True)
            urls_file = folder.with_name(f"urls-{next(numbers)}")
            process = subprocess.Popen(
                [sys.executable, PROGRAM, folder, urls_file, *options],
                env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
                stdin=subprocess.PIPE,
                text=True,
                user=account,
                extra_groups=None if account is None else [],
            )
            user = ServerUser(process, urls_file)
            users.callback(user.kill)
            return user

        yield start


@pytest.fixture
def other_process() -> Iterator[subprocess.Popen[bytes]]:
    """A running process that has nothing to do with the servers."""
    with subprocess.Popen(["sleep", "600"]) as process:  # noqa: S607 - any sleep will do
        yield process
        process.kill()
