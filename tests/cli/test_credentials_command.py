"""`assay credentials` imports files, all or none or their valid rows, survives a kill, and embeds again."""

import asyncio
import csv
import json
import subprocess
from pathlib import Path
from typing import Any

from app.clients.llm.offline_embedder import OfflineEmbedder
from app.domain.states import CredentialLevel
from app.domain.text import count_of
from app.repositories import passage_vectors, passages
from app.repositories.sql import Pool
from app.services.recommendations.search import space_name
from benchmarks.credentials.made_up_credentials import made_up_credentials
from tests.bank import create_bank
from tests.cli.conftest import Command
from tests.fakes.conditions import until
from tests.services.recommendations.test_search_at_scale import PLANT_MANY
from tests.wiring.test_server_checks import as_clerk

PRESENT = """SELECT v.title, c.current_version, v.level, v.skills FROM credentials c
JOIN credential_versions v ON v.credential_id = c.id AND v.version = c.current_version ORDER BY v.title"""

# What an import says without tracks.
NONE_SHARED = "skills: no track has any yet\n"
LATER = (
    "without a vector: {} passages, found only by full text until workers or `assay credentials reindex` embed them\n"
)


def written(path: Path, rows: list[Any]) -> Path:
    """The rows in a file: JSON lines or CSV, by its name."""
    if path.suffix == ".jsonl":
        path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows), "utf-8")
        return path
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows({**row, "skills": "; ".join(row["skills"])} for row in rows)
    return path


async def run(command: Command, url: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Runs `assay credentials` to its end."""
    return await asyncio.to_thread(command.run, "credentials", *arguments, DATABASE_URL=url)


async def run_import(command: Command, url: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Runs `assay credentials import`; what it says of skills is left out of its output."""
    done = await run(command, url, "import", *arguments)
    assert (NONE_SHARED in done.stdout) == (done.returncode == 0)
    done.stdout = done.stdout.replace(NONE_SHARED, "")
    return done


async def test_csv_and_json_lines_are_equal_and_only_changes_make_versions(
    command: Command, pool: Pool, database_url: str, tmp_path: Path
) -> None:
    rows = [row | {"description": 'Line one.\nLine two, with "quotes" and öäü 🌱.'} for row in made_up_credentials(3)]
    done = await run_import(command, database_url, str(written(tmp_path / "some.csv", rows)))
    assert (done.returncode, done.stdout, done.stderr) == (0, "3 added, 0 updated, 0 unchanged\n" + LATER.format(3), "")
    before = await pool.fetch(PRESENT)
    assert [(row["title"], row["skills"]) for row in before] == sorted((row["title"], row["skills"]) for row in rows)
    rows[1]["level"] = "advanced" if rows[1]["level"] == "beginner" else "beginner"
    done = await run_import(command, database_url, str(written(tmp_path / "some.jsonl", ["", *rows])))
    assert (done.returncode, done.stdout) == (0, "0 added, 1 updated, 2 unchanged\n" + LATER.format(3))
    after = {row["title"]: (row["current_version"], row["level"]) for row in await pool.fetch(PRESENT)}
    assert after[rows[1]["title"]] == (2, rows[1]["level"])
    assert sorted(version for version, _ in after.values()) == [1, 1, 2]
    actions = await pool.fetch("SELECT action, count(*) FROM audit_log GROUP BY action ORDER BY action")
    assert [tuple(row) for row in actions] == [("create", 3), ("update", 1)]


async def test_invalid_rows_are_named_by_line_and_nothing_or_only_the_valid_is_imported(
    command: Command, pool: Pool, database_url: str, tmp_path: Path
) -> None:
    one, two = made_up_credentials(2)
    wrong = [
        one,
        one | {"level": "expert"},
        "",
        "{",
        one | {"description": "Other."},
        two | {"url": "ftp://x.example", "title": ""},
        two,
    ]
    file = str(written(tmp_path / "some.jsonl", [*wrong, two | {"title": "A\0B"}, *["[]"] * 20]))
    done = await run_import(command, database_url, file)
    assert (done.returncode, done.stdout) == (2, "")
    for line, why in ((2, "level: "), (4, "Invalid JSON"), (5, "the same provider and title as in line 1"), (6, "tit")):
        assert f"some.jsonl: line {line}: {why}" in done.stderr
    assert "line 8: has a NUL" in done.stderr and "Traceback" not in done.stderr
    assert "some.jsonl: 20 rows (lines 9, 10, 11, 12, 13 and 15 more): Input should be an object" in done.stderr
    assert "nothing was imported; invalid: 25 of 27 rows" in done.stderr and "Value error" not in done.stderr
    assert await pool.fetch(PRESENT) == []
    done = await run_import(command, database_url, "--skip-bad", str(written(tmp_path / "bad.jsonl", ["{"])))
    assert (done.returncode, done.stdout) == (2, "") and "nothing was imported; invalid: 1 of 1 row" in done.stderr
    done = await run_import(command, database_url, "--skip-bad", file)
    assert (done.returncode, done.stdout) == (0, "2 added, 0 updated, 0 unchanged, 25 skipped\n" + LATER.format(2))
    assert len(await pool.fetch(PRESENT)) == 2


async def test_csv_lines_are_counted_as_in_the_file(command: Command, database_url: str, tmp_path: Path) -> None:
    rows = list(made_up_credentials(3))
    rows[0]["description"], rows[1]["level"] = "Three\nlines\nlong.", "expert"
    done = await run_import(command, database_url, str(written(tmp_path / "some.csv", rows)))
    assert done.returncode == 2 and "some.csv: line 5: level: " in done.stderr
    file = tmp_path / "cells.csv"
    file.write_text("title,provider,url,level,description\nA,B,https://x.example,beginner,So,more\nA\n", "utf-8")
    done = await run_import(command, database_url, str(file))
    for line, cells in ((2, 6), (3, 1)):
        assert f"line {line}: has {count_of(cells, 'cell')}, and the line of headings has 5" in done.stderr
    rows[1] |= {"level": "beginner", "description": "x" * 200_000}
    done = await run_import(command, database_url, "--skip-bad", str(written(tmp_path / "long.csv", rows)))
    assert done.returncode == 0 and done.stdout.startswith("2 added, 0 updated, 0 unchanged, 1 skipped")
    assert "long.csv: line 5: description: " in done.stderr


async def test_unreadable_files(command: Command, database_url: str, tmp_path: Path) -> None:
    for name, text, why in (
        ("missing.csv", None, "No such file"),
        ("some.xlsx", b"", "must end in .csv, .tsv, .txt, .jsonl or .json"),
        ("latin.jsonl", b"\xe4", "not UTF-8, from byte 0 on"),
        ("damaged.csv", "Größe,".encode() + b"\xff", "not UTF-8, from byte 8 on"),
        ("other.csv", b"\xe4\x81", "neither UTF-8 (from byte 0 on) nor Windows-1252 (from byte 1 on)"),
        ("odd.csv", b"\xff\xfeA\0B", "not UTF-16, although it begins so, from byte 4 on"),
        (
            "empty.csv",
            b"\n,,\n",
            "has no line with the columns title, provider, url, level, skills, description, ",
        ),
        ("twice.csv", b"title,title,provider,url,level,description\n", "line 1: twice: title (read as UTF-8, a comma"),
        ("quotes.csv", b'title,provider,url,level,description\n"A"B,C,D,E,F\n', "line 2: "),
        (
            "headings.csv",
            "\nTitle;Prüfung;;Level\n".encode("cp1252"),
            "line 2: missing: provider; unknown: prüfung (read as Windows-1252, a semicolon between cells; "
            "the columns are title, provider, url, level, skills, description, language, external_id)",
        ),
    ):
        if text is not None:
            (tmp_path / name).write_bytes(text)
        done = await run_import(command, database_url, str(tmp_path / name))
        assert (done.returncode, done.stdout) == (2, "") and why in done.stderr and "Traceback" not in done.stderr


async def test_a_killed_import_can_be_repeated(command: Command, pool: Pool, database_url: str, tmp_path: Path) -> None:
    """With --skip-bad its finished batches stay; without, it leaves nothing."""
    count = 4_000
    file = str(written(tmp_path / "many.jsonl", list(made_up_credentials(count))))

    async def imported() -> int:
        total: int = await pool.fetchval("SELECT count(*) FROM credentials")
        return total

    async def some_in() -> bool:
        return await imported() > 0

    async def much_written() -> bool:
        """More than a batch: from outside the transaction it shows only in the size of the table."""
        return bool(await pool.fetchval("SELECT pg_relation_size('credential_versions') > 600000"))

    whole = command.start("credentials", "import", file, DATABASE_URL=database_url)
    await until(much_written)
    whole.kill()
    assert await asyncio.to_thread(whole.wait) < 0
    assert await imported() == 0
    parts = command.start("credentials", "import", "--skip-bad", file, DATABASE_URL=database_url)
    await until(some_in)
    parts.kill()
    assert await asyncio.to_thread(parts.wait) < 0
    done = await run_import(command, database_url, "--skip-bad", file)
    assert done.returncode == 0
    added, _, unchanged = (int(part.split()[0]) for part in done.stdout.splitlines()[0].split(", "))
    assert unchanged > 0 and added + unchanged == count == await imported()
    assert await pool.fetchval("SELECT max(current_version) FROM credentials") == 1


async def test_an_import_leaves_fresh_statistics(
    command: Command, pool: Pool, database_url: str, tmp_path: Path
) -> None:
    """Query plans made for few credentials take seconds with many."""
    before = await pool.fetchval("SELECT clock_timestamp()")
    file = str(written(tmp_path / "some.jsonl", list(made_up_credentials(30))))
    done = await run_import(command, database_url, file)
    assert (done.returncode, done.stdout.splitlines()[1:]) == (0, [LATER.format(30).strip()])

    async def analysed() -> bool:
        late = "SELECT count(*) = 4 FROM pg_stat_user_tables WHERE relname = ANY($1) AND last_analyze > $2"
        tables = ["credentials", "credential_versions", "passages", "passage_vectors"]
        return bool(await pool.fetchval(late, tables, before))

    await until(analysed)


async def test_who_may_not_build_indexes_imports_all_the_same(
    command: Command, pool: Pool, database_url: str, tmp_path: Path
) -> None:
    """As a service's user that owns no table."""
    await pool.execute(PLANT_MANY, 5_001, ["soil"])
    await pool.execute(
        """INSERT INTO passage_vectors (passage_id, credential_id, ordinal, level)
           SELECT id, credential_id, ordinal, level FROM passages"""
    )
    await pool.execute("ANALYZE passage_vectors")
    await pool.execute("CREATE ROLE clerk LOGIN PASSWORD 'a-pass-word'")
    await pool.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO clerk")
    await pool.execute("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO clerk")
    try:
        file = str(written(tmp_path / "some.jsonl", list(made_up_credentials(1))))
        done = await run_import(command, as_clerk(database_url), file)
        assert (done.returncode, done.stdout.splitlines()[0]) == (0, "1 added, 0 updated, 0 unchanged")
        assert "with MIGRATE_DATABASE_URL of their owner this command builds them" in done.stderr
        done = await run_import(command, database_url, file)
        assert (done.returncode, done.stdout.splitlines()[0]) == (0, "built the indexes over all vectors")
    finally:
        await pool.execute("DROP OWNED BY clerk")
        await pool.execute("DROP ROLE clerk")
        await pool.execute(f"DROP INDEX IF EXISTS {', '.join(passage_vectors.INDEXES)}")


async def test_a_killed_reindex_can_be_repeated_and_embeds_nothing_twice(
    command: Command, pool: Pool, database_url: str, tmp_path: Path
) -> None:
    await run_import(command, database_url, str(written(tmp_path / "some.jsonl", list(made_up_credentials(200)))))
    count = await passage_vectors.count_without_vector(pool)

    async def embedded() -> int:
        total: int = await pool.fetchval("SELECT count(embedding) FROM passage_vectors")
        return total

    async def some() -> bool:
        return await embedded() > 0

    killed = command.start("credentials", "reindex", DATABASE_URL=database_url)
    await until(some)
    killed.kill()
    assert await asyncio.to_thread(killed.wait) < 0
    await until(lambda: _no_session_embeds(pool))
    first = await pool.fetch("SELECT passage_id, xmin::text FROM passage_vectors WHERE embedding IS NOT NULL")
    done = await run(command, database_url, "reindex")
    assert 0 < len(first) < count and done.stdout == f"{count_of(count - len(first), 'passage')} embedded\n"
    after = await pool.fetch("SELECT passage_id, xmin::text FROM passage_vectors WHERE embedding IS NOT NULL")
    assert len(after) == count and set(map(tuple, first)) <= set(map(tuple, after)), "not written again"


async def _no_session_embeds(pool: Pool) -> bool:
    """Whether Postgres has noticed that the command has ended."""
    others = "SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 'assay credentials'"
    return bool(await pool.fetchval(others))


async def test_a_reindex_embeds_what_has_another_model_while_the_search_goes_on(
    command: Command, pool: Pool, database_url: str
) -> None:
    await create_bank(pool)
    done = await run(command, database_url, "reindex")
    assert (done.returncode, done.stdout, done.stderr) == (0, "3 passages embedded\n", "")
    embedder = OfflineEmbedder()
    await pool.execute(
        "UPDATE passage_vectors SET model = $1 FROM passages p WHERE p.id = passage_id AND text LIKE '%oil%'",
        f"{embedder.name} (text alone)",
    )
    waiting = await passage_vectors.count_unembedded(pool, space_name(embedder))
    (vector,) = await embedder.embed(["soil"])
    await embedder.close()
    assert 0 < waiting < 3
    assert len(await passages.search_vectors(pool, vector, embedder.name, dict.fromkeys(CredentialLevel, 0.0), 5)) == 3
    done = await run(command, database_url, "reindex")
    assert (done.returncode, done.stdout) == (0, f"{count_of(waiting, 'passage')} embedded\n")
    done = await run(command, database_url, "reindex")
    assert done.stdout == "0 passages embedded\n"
