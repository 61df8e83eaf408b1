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
    folder = tmp_path_factory.mktemp("template")
    postgres = EmbeddedPostgres(folder, durable=False)
    postgres.start()
    postgres.stop()
    return folder


@pytest.fixture
def new_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data folder of which nothing exists yet; no server outlives it."""
    folder = tmp_path_factory.mktemp("data") / "deep" / "servers"
    yield folder
    EmbeddedPostgres(folder).stop()
    EmbeddedValkey(folder).stop()


@pytest.fixture
def folder(new_folder: Path, cluster_template: Path) -> Path:
    """A data folder with a finished cluster, to save the time of initdb."""
    shutil.copytree(cluster_template, new_folder)
    (new_folder / "postgres.port").unlink()
    return new_folder


@pytest.fixture
def postgres(folder: Path) -> EmbeddedPostgres:
    return EmbeddedPostgres(folder, durable=False)


@pytest.fixture
def valkey(new_folder: Path) -> EmbeddedValkey:
    new_folder.mkdir(parents=True)
    return EmbeddedValkey(new_folder, durable=False)


@pytest.fixture
def start_user() -> Iterator[StartUser]:
    numbers = itertools.count()
    with ExitStack() as users:

        def start(folder: Path, *options: str, account: str | None = None) -> ServerUser:
            folder.parent.mkdir(parents=True, exist_ok=True)
            answer = folder.with_name(f"answer-{next(numbers)}")
            process = subprocess.Popen(
                [sys.executable, PROGRAM, folder, answer, *options],
                env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
                stdin=subprocess.PIPE,
                text=True,
                user=account,
                extra_groups=None if account is None else [],
            )
            user = ServerUser(process, answer)
            users.callback(user.kill)
            return user

        yield start


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    """A living process that has nothing to do with servers."""
    with subprocess.Popen(["sleep", "600"]) as process:  # noqa: S607 - any sleep will do
        yield process
        process.kill()
