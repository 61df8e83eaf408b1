"""Replacing, exporting, listing and retiring credentials, other names of skills, and seeding without credentials."""

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any

from app.repositories.sql import Pool
from benchmarks.credentials.made_up_credentials import made_up_credentials
from tests.bank import create_bank
from tests.cli.conftest import Command
from tests.cli.test_credentials_command import PRESENT, run, written


def catalogue(*rows: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows of one provider."""
    return [{"provider": "Garden School", **row} for row in rows]


async def test_an_external_id_finds_a_credential_whose_title_has_changed(
    command: Command, pool: Pool, database_url: str, tmp_path: Path
) -> None:
    first = catalogue({"title": "Soil", "external_id": "1"}, {"title": "Moss"}, {"title": "Ferns", "external_id": "3"})
    await run(command, database_url, "import", str(written(tmp_path / "first.jsonl", first)))
    second = catalogue(
        {"title": "Soil, Revised", "external_id": "1"}, {"title": "Moss", "external_id": "2"},
        {"title": "Ferns"}, {"title": "Ferns", "external_id": "4"},
    )  # fmt: skip
    done = await run(command, database_url, "import", "--skip-bad", str(written(tmp_path / "second.jsonl", second)))
    assert done.stdout.startswith("0 added, 2 updated, 1 unchanged, 1 skipped"), "a row without an id keeps the one"
    done = await run(command, database_url, "import", str(written(tmp_path / "third.jsonl", second[3:])))
    assert done.stdout.startswith("1 added"), "another course of the same title"
    foreign = [{"title": "Knitting", "provider": "Wool School", "external_id": "1"}]
    done = await run(command, database_url, "import", str(written(tmp_path / "foreign.jsonl", foreign)))
    assert done.returncode == 2
    why = "line 1: external_id: is that of “Soil, Revised” of Garden School, with another title and provider"
    assert why in done.stderr and "nothing was imported; invalid: 1 of 1 row" in done.stderr
    ids = "SELECT v.title, c.external_id FROM credentials c JOIN credential_versions v ON v.credential_id = c.id"
    rows = await pool.fetch(ids + " AND v.version = c.current_version ORDER BY external_id")
    assert [tuple(row) for row in rows] == [("Soil, Revised", "1"), ("Moss", "2"), ("Ferns", "3"), ("Ferns", "4")]


async def test_two_rows_of_one_title_never_change_the_same_credential(
    command: Command, pool: Pool, database_url: str, tmp_path: Path
) -> None:
    await run(command, database_url, "import", str(written(tmp_path / "one.jsonl", catalogue({"title": "Soil"}))))
    twins = catalogue({"title": "Soil", "external_id": "1"}, {"title": "Soil", "external_id": "2"})
    done = await run(command, database_url, "import", str(written(tmp_path / "two.jsonl", twins)))
    assert done.stdout.startswith("1 added, 1 updated, 0 unchanged\n")
    rows = await pool.fetch("SELECT external_id, current_version FROM credentials ORDER BY external_id")
    assert [tuple(row) for row in rows] == [("1", 2), ("2", 1)]
    renamed = catalogue({"title": "Soil"}, {"title": "Loam", "external_id": "1"}, {"title": "Clay", "external_id": "2"})
    done = await run(command, database_url, "import", str(written(tmp_path / "three.jsonl", renamed)))
    assert done.stdout.startswith("1 added, 2 updated, 0 unchanged\n"), "a title that has become free is a new one's"


async def test_a_replacement_retires_what_left_the_file_and_says_what(
    command: Command, pool: Pool, database_url: str, tmp_path: Path
) -> None:
    await create_bank(pool)
    rows = catalogue({"title": "Moss", "skills": ["Soils"]}, {"title": "Soil Science Basics", "skills": ["compost"]})
    file = written(tmp_path / "all.jsonl", rows)
    checked = await run(command, database_url, "import", "--replace", "--check", str(file))
    assert checked.stdout.startswith(
        "1 added, 1 updated, 0 unchanged, 2 retired (only checked: nothing was changed)\nretired: "
    )
    assert len(await pool.fetch(PRESENT)) == 3 and await pool.fetchval("SELECT count(*) FROM audit_log") == 0
    done = await run(command, database_url, "import", "--replace", str(file))
    assert done.returncode == 0 and "2 retired\n" in done.stdout
    for title in ("Botany Foundations", "Irrigation Planner"):
        assert f"retired: {title} (Garden School)\n" in done.stdout
    assert "skills: 1 of 2 rows share one with a track, 1 share none, 0 have no skills\n" in done.stdout
    assert "  no track has: compost (1 row)\n" in done.stdout
    active = await pool.fetch("SELECT id FROM credentials WHERE deleted_at IS NULL")
    assert len(active) == 2
    actions = await pool.fetch("SELECT actor, action FROM audit_log ORDER BY id")
    assert {row["actor"] for row in actions} == {"assay credentials import"}
    assert sorted(row["action"] for row in actions) == ["create", "delete", "delete", "update"]
    again = await run(command, database_url, "import", "--replace", str(file))
    assert again.stdout.startswith("0 added, 0 updated, 2 unchanged, 0 retired\n")


async def test_a_replacement_retires_nothing_unless_every_row_is_right(
    command: Command, pool: Pool, database_url: str, tmp_path: Path
) -> None:
    await create_bank(pool)
    bad = written(tmp_path / "bad.jsonl", [*catalogue({"title": "Moss"}), "{"])
    empty = written(tmp_path / "empty.jsonl", [""])
    for arguments, why in (
        ([bad], "invalid: 1 of 2 rows"),
        ([empty], "has no credentials; nothing was changed"),
        (["--skip-bad", bad], "not allowed with argument"),
    ):
        done = await run(command, database_url, "import", "--replace", *map(str, arguments))
        assert (done.returncode, done.stdout) == (2, "") and why in done.stderr
    assert len(await pool.fetch("SELECT FROM credentials WHERE deleted_at IS NULL")) == 3


async def test_what_is_exported_is_imported_unchanged(
    command: Command, pool: Pool, database_url: str, tmp_path: Path
) -> None:
    await create_bank(pool)
    await run(command, database_url, "import", str(written(tmp_path / "more.jsonl", list(made_up_credentials(20)))))
    for name in ("all.csv", "all.jsonl"):
        done = await run(command, database_url, "export", str(tmp_path / name))
        assert (done.returncode, done.stdout) == (0, "23 credentials written\n")
        again = await run(command, database_url, "import", "--replace", str(tmp_path / name))
        assert again.stdout.startswith("0 added, 0 updated, 23 unchanged, 0 retired\n"), again.stderr
    printed = await run(command, database_url, "export", "-")
    assert printed.stdout == (tmp_path / "all.jsonl").read_text("utf-8")
    for name, why in (("all.xlsx", "must end in .csv or .jsonl"), ("missing/all.csv", "No such file")):
        done = await run(command, database_url, "export", str(tmp_path / name))
        assert done.returncode == 2 and why in done.stderr


async def test_credentials_are_listed_and_retired_all_or_none(
    command: Command, pool: Pool, database_url: str, tmp_path: Path
) -> None:
    await create_bank(pool)
    rows = catalogue({"title": "Moss", "external_id": "m/1", "language": "de"})
    await run(command, database_url, "import", str(written(tmp_path / "one.jsonl", rows)))
    listed = await run(command, database_url, "list", "--words", "MOSS")
    assert [word in listed.stdout for word in ("any", "de", "m/1", "Garden School", "Moss")] == [True] * 5
    assert "Botany" not in listed.stdout and "Botany" in (await run(command, database_url, "list")).stdout
    views = [json.loads(line) for line in (await run(command, database_url, "list", "--json")).stdout.splitlines()]
    known = {view["title"]: view["credential_id"] for view in views}
    done = await run(command, database_url, "delete", known["Botany Foundations"], "nobody")
    assert done.returncode == 1 and "no such credential: nobody; nothing was retired" in done.stderr
    assert (await run(command, database_url, "delete")).returncode == 2
    done = await run(command, database_url, "delete", known["Botany Foundations"].upper(), "m/1")
    assert done.stdout.endswith("2 credentials retired\n") and "retired: Moss (Garden School)\n" in done.stdout
    await pool.execute("UPDATE credentials SET sample = true WHERE deleted_at IS NULL")
    assert (await run(command, database_url, "delete", "--samples")).stdout.endswith("2 credentials retired\n")
    assert (await run(command, database_url, "list")).stdout == "no credentials\n"


async def test_other_names_of_skills_are_imported_exported_and_reset(
    command: Command, pool: Pool, database_url: str, tmp_path: Path
) -> None:
    def aliases(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return command.run("skill-aliases", *arguments, DATABASE_URL=database_url)

    await create_bank(pool)
    default, file = (await asyncio.to_thread(aliases, "export")).stdout, tmp_path / "names.csv"
    assert "k8s,kubernetes" in default
    file.write_text("Skill;Alias\nsoil;Böden\nsoil;dirt\nsoil;dirt\n", "cp1252")
    done = await asyncio.to_thread(aliases, "import", str(file))
    assert (done.returncode, done.stdout) == (0, "2 names imported\n")
    assert (await asyncio.to_thread(aliases, "export")).stdout.split() == ["alias,skill", "Böden,soil", "dirt,soil"]
    rows = catalogue({"title": "Down to Earth", "skills": ["Dirt"]})
    done = await run(command, database_url, "import", str(written(tmp_path / "dirt.jsonl", rows)))
    assert "skills: 1 of 1 row share one with a track" in done.stdout
    file.write_text("alias,skill\ndirt,soil\ndirt,water\n!,soil\n", "utf-8")
    done = await asyncio.to_thread(aliases, "import", str(file))
    assert done.returncode == 2 and done.stderr.count("line ") == 2
    assert "line 3: dirt stands for soil already; line 4: a name has no letter and no digit" in done.stderr
    assert await pool.fetchval("SELECT count(*) FROM skill_aliases") == 2
    for text in ("", "alias,skill\n", "alias\nx\n"):
        file.write_text(text, "utf-8")
        assert (await asyncio.to_thread(aliases, "import", str(file))).returncode == 2
    assert (await asyncio.to_thread(aliases, "reset")).returncode == 0
    assert (await asyncio.to_thread(aliases, "export")).stdout == default


async def test_seeding_without_credentials(command: Command, pool: Pool, database_url: str) -> None:
    done = await asyncio.to_thread(command.run, "seed", "--without-credentials", DATABASE_URL=database_url)
    assert done.returncode == 0
    counts = await pool.fetchrow("SELECT (SELECT count(*) FROM tracks), (SELECT count(*) FROM credentials)")
    assert counts is not None and tuple(counts) == (2, 0)
