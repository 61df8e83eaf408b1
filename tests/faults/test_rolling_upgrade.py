"""A server and a worker of an earlier version go on working after `assay migrate`, beside those of this version."""

import asyncio
import io
import shutil
import subprocess
import tarfile
from pathlib import Path
from random import Random

import pytest

from app.repositories.sql import Pool
from tests.bank import Bank
from tests.conftest import UNLIMITED
from tests.fakes.balancer import Balancer, PatientClient
from tests.fakes.conditions import until
from tests.fakes.descending_scores import DescendingScores
from tests.fakes.model_server import ModelServer
from tests.faults.processes import Fleet
from tests.faults.students import start_and_answer, submit, wait_until_completed
from tests.faults.wrong_rows import ALL_EMBEDDED, WRONG_ROWS

ROOT = Path(__file__).parents[2]
# From this commit on, a migration lets the code before it go on working. Advance it with each release.
EARLIER = "be2e09a96b6594ce18625bd736ac227a8ee89d8e"


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    """The code of the earlier version."""
    git = shutil.which("git")
    command = git or "", "archive", EARLIER, "app", "workers", "migrations"
    archive = subprocess.run(command, cwd=ROOT, capture_output=True) if git else None
    if not archive or archive.returncode:
        pytest.skip(f"needs git and a clone whose history has commit {EARLIER}")
    tree = tmp_path / "earlier"
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(tree, filter="data")
    return tree


async def test_an_earlier_version_works_on_the_new_schema_and_beside_the_new_version(
    earlier: Path, fleet: Fleet, balancer: Balancer, bank: Bank, provider: ModelServer, pool: Pool
) -> None:
    provider.default = DescendingScores(Random(1), 0.01, 0.05)  # noqa: S311 - no secret
    students = iter(range(100))

    async def score_some() -> None:
        """Students whose requests go to all servers by turns."""
        for student in (next(students), next(students)):
            client = PatientClient(balancer, f"student-{student}")
            assessment_id = await submit(client, await start_and_answer(client, bank, f"Tree {student}."))
            await wait_until_completed(pool, assessment_id)

    unknown_to_it = dict.fromkeys(UNLIMITED, "")
    old = await asyncio.gather(fleet.add_server(earlier, **unknown_to_it), fleet.add_worker(earlier, **unknown_to_it))
    await until(lambda: pool.fetchval(ALL_EMBEDDED), 60)
    await score_some()
    await fleet.start(servers=1, workers=1)
    await score_some()
    for service in old:
        await service.stop()
    await score_some()
    assert {name: await pool.fetchval(count) for name, count in WRONG_ROWS.items()} == dict.fromkeys(WRONG_ROWS, 0)
    assert balancer.outcomes["500"] == 0, fleet.log_lines_with('"request_failed"')
    assert fleet.log_lines_with('"job_raised"', '"maintenance_raised"') == []
