"""`assay evaluate-retrieval`, with a given Postgres whose credentials it does not touch, or with one of its own."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from app.repositories.sql import Pool
from tests.bank import create_bank
from tests.evaluation.test_labelled_queries import CATALOGUE, QUERY, write_files

_ROOT = Path(__file__).parents[2]
RANKED = ("text", "vectors", "both")
QUERIES = [QUERY | {"id": f"q-{number}"} for number in range(4)]


async def run_command(folder: Path, *arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    """The finished command."""
    kept = {name: os.environ[name] for name in ("HOME", "PATH", "LANG", "TMPDIR") if name in os.environ}
    return await asyncio.to_thread(
        subprocess.run, [sys.executable, "-m", "app", "evaluate-retrieval", *arguments],
        env=kept | {"PYTHONPATH": str(_ROOT)} | settings, cwd=folder,
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def read_report(folder: Path) -> dict[str, Any]:
    """The JSON report."""
    report: dict[str, Any] = json.loads((folder / "queries.retrieval.json").read_text("utf-8"))
    return report


async def test_each_method_is_measured_and_the_stored_credentials_stay_as_they_are(
    tmp_path: Path, pool: Pool, database_url: str
) -> None:
    await create_bank(pool)
    before = await pool.fetch("SELECT * FROM passages ORDER BY id")
    file, catalogue = write_files(tmp_path, QUERIES)
    arguments = str(file), "--catalogue", str(catalogue), "--picture", "bars.png"
    done = await run_command(tmp_path, *arguments, DATABASE_URL=database_url)
    assert (done.returncode, done.stderr) == (0, "")
    assert "queries.jsonl: 4 queries, 3 credentials of catalogue.json" in done.stdout
    assert await pool.fetch("SELECT * FROM passages ORDER BY id") == before != []
    report = read_report(tmp_path)
    assert set(report["figures"]) == {"cosine", "cosine_and_level", "text", "vectors", "both"}
    assert report["figures"]["both"]["recall"] == {"value": 1, "low": 1, "high": 1}
    assert {method: [line["titles"][method] for line in report["lines"]] for method in RANKED} == {
        method: [["Soil", "Water"]] * 4 for method in RANKED
    }, "cooking has nothing to do with it"
    assert report["lines"][0]["grades"]["both"] == [3, 1]
    assert (tmp_path / "bars.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    again = await run_command(tmp_path, *arguments, DATABASE_URL=database_url)
    assert (again.returncode, read_report(tmp_path)) == (0, report)


async def test_the_baselines_are_similarity_alone_and_with_a_bonus_for_the_level(
    tmp_path: Path, database_url: str
) -> None:
    queries = [QUERY | {"id": level, "level": level, "gaps": [QUERY["gaps"][0]]} for level in ("beginner", "advanced")]
    file, catalogue = write_files(tmp_path, queries)
    done = await run_command(tmp_path, str(file), "--catalogue", str(catalogue), DATABASE_URL=database_url)
    assert (done.returncode, done.stderr) == (0, "")
    titles = {line["id"]: line["titles"] for line in read_report(tmp_path)["lines"]}
    assert titles["beginner"]["cosine"] == titles["advanced"]["cosine"] == ["Water", "Soil", "Cooking"]
    assert titles["advanced"]["cosine_and_level"] == ["Water", "Soil", "Cooking"]
    assert titles["beginner"]["cosine_and_level"] == ["Soil", "Water", "Cooking"], "water is for the advanced"
    assert "plain cosine" in done.stdout and "cosine + level bonus" in done.stdout


async def test_what_a_student_refused_is_counted_where_it_is_recommended(tmp_path: Path, database_url: str) -> None:
    refusing = QUERY | {"accept": {"Water": 1}, "refused": ["Soil"], "named": []}
    file, catalogue = write_files(tmp_path, [QUERY, refusing | {"id": "q-2"}, refusing | {"id": "q-3", "gaps": []}])
    done = await run_command(tmp_path, str(file), "--catalogue", str(catalogue), DATABASE_URL=database_url)
    assert (done.returncode, done.stderr) == (0, "")
    report = read_report(tmp_path)
    assert report["refusing"] == 2
    assert report["free_of_refused"]["both"] == 0 and report["lines"][1]["refused"]["both"] == ["Soil"]
    assert "queries with a refusal (2): plain cosine" in done.stdout
    assert [(line["query"], line["title"]) for line in report["false_reasons"]] == [("q-2", "Soil"), ("q-3", "Soil")]
    assert f"false reasons by the labels: 2 of {report['reasons']}" in done.stdout


async def test_without_a_database_it_starts_its_own(tmp_path: Path) -> None:
    file, catalogue = write_files(tmp_path, QUERIES, {"credentials": CATALOGUE})
    done = await run_command(tmp_path, str(file), "--catalogue", str(catalogue))
    assert (done.returncode, done.stderr) == (0, "")
    assert read_report(tmp_path)["figures"]["both"]["ndcg"]["value"] == 1


async def test_errors_are_one_line(tmp_path: Path, servers: Any) -> None:
    file, catalogue = write_files(tmp_path, ["{", QUERY])
    done = await run_command(tmp_path, str(file), "--catalogue", str(catalogue))
    assert (done.returncode, done.stdout) == (2, "")
    assert "line 1: Invalid JSON" in done.stderr and "Traceback" not in done.stderr
    file, catalogue = write_files(tmp_path, QUERIES)
    done = await run_command(tmp_path, str(file), "--catalogue", str(catalogue), DATABASE_URL=servers.superuser_url)
    assert (done.returncode, done.stderr) == (
        1,
        "assay: DATABASE_URL: the database is not migrated; run `assay migrate`\n",
    )
