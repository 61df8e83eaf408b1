"""Insights: every section with and without data, hostile names, and files with the same numbers."""

import csv
import io
from datetime import UTC, datetime, timedelta
from html import unescape
from xml.etree import ElementTree

import pytest

from app.pages.charts import Axis, Bar, Dot, bars, difference_plot, distribution, scatter, sparkline
from app.repositories.sql import Pool
from tests.bank import SLUG, Bank
from tests.pages.conftest import NewPerson, Person, Shown
from tests.scored_assessments import SCORED_LOCALLY, completed_assessment, essay_score
from tests.web.analytics.test_analytics import add_call, override_score

INSIGHTS = "/dashboard/insights"
FILE = f"{INSIGHTS}/figures.csv"
SECTIONS = ("scores", "questions", "agreement", "degraded", "feedback", "cost", "models")
HOSTILE = '=1+1"><script>alert(1)</script></svg>{{ 7*7 }}\u202e 👩‍🚀 ' + "x" * 200


@pytest.fixture
async def advisor(person: NewPerson) -> Person:
    """An advisor."""
    return await person("advisor-1", "advisor")


async def rows(somebody: Person, section: str, query: str = "") -> list[list[str]]:
    """The file of a section."""
    answer = await somebody.get(f"{FILE}?section={section}&{query}")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/csv; charset=utf-8"), answer.text
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{section}.csv"'
    return list(csv.reader(io.StringIO(answer.html)))


async def reviewed(pool: Pool, bank: Bank, count: int) -> None:
    """So many results, of each of which a person has scored an essay."""
    for number in range(count):
        percent = 8 * number
        essays = {"essay": essay_score("gpt", percent), "essay_two": essay_score("local", 40)}
        assessment_id = await completed_assessment(pool, bank, f"student-{number}", essays, reasons=[SCORED_LOCALLY])
        maximum = await pool.fetchval(
            "SELECT max_score FROM scores WHERE assessment_id = $1 AND question_id = $2",
            assessment_id, bank.ids["essay"],
        )  # fmt: skip
        await override_score(pool, assessment_id, bank.ids["essay"], min(1.0, 0.1 + percent / 100) * maximum)


def charts(page: Shown) -> list[str]:
    """The titles of the page's charts, each of which can be parsed and has a description."""
    pieces = page.html.split("<svg ")[1:]
    pictures = [ElementTree.fromstring(f"<svg {piece.split('</svg>')[0]}</svg>") for piece in pieces]  # noqa: S314 - ours
    assert all(picture.findtext("desc") and picture.get("role") == "img" for picture in pictures)
    return [picture.findtext("title", "") for picture in pictures]


async def test_without_data_each_section_says_so(advisor: Person, bank: Bank) -> None:
    page = await advisor.get(INSIGHTS)
    assert (page.status, charts(page)) == (200, [])
    assert "Nobody has a result in this period." in page.text and "Choose a track to see" in page.text
    assert "There are 0 pairs" in page.text and "The model was not called" in page.text
    assert "Nobody has answered questions of this track." in (await advisor.get(f"{INSIGHTS}?track={SLUG}")).text
    for section in SECTIONS:
        assert len(await rows(advisor, section)) == 1


async def test_nothing_is_computed_from_fewer_than_ten_pairs(advisor: Person, pool: Pool, bank: Bank) -> None:
    await reviewed(pool, bank, 9)
    page = await advisor.get(f"{INSIGHTS}?track={SLUG}")
    assert "There are 9 pairs" in page.text and "Correlation" not in page.text
    assert await rows(advisor, "agreement") == [[]]
    await completed_assessment(pool, bank, "student-9")
    await override_score(pool, await pool.fetchval("SELECT id FROM assessments WHERE owner = 'student-9'"),
                         bank.ids["essay"], 1)  # fmt: skip
    # Another period, of which no figures are kept.
    page = await advisor.get(f"{INSIGHTS}?track={SLUG}&from={datetime.now(UTC).date() - timedelta(days=1)}")
    assert "Correlation (r)" in page.text and "Limits of agreement" in page.text
    assert {"Person and machine", "Difference of machine and person"} <= set(charts(page))


async def test_figures_are_kept_for_a_while_and_say_of_when_they_are(advisor: Person, pool: Pool, bank: Bank) -> None:
    empty = await advisor.get(INSIGHTS)
    await completed_assessment(pool, bank)
    page = await advisor.get(INSIGHTS)
    moment = page.html.partition("As of <time")[2].partition("</time>")[0]
    assert moment and f"As of <time{moment}</time>" in empty.html
    assert "Nobody has a result in this period." in page.text
    # Each filter has figures of its own, and the file has the newest.
    assert "Nobody has a result in this period." not in (await advisor.get(f"{INSIGHTS}?track={SLUG}")).text
    assert len(await rows(advisor, "scores")) > 1


async def test_figures_of_a_track(advisor: Person, pool: Pool, bank: Bank) -> None:
    await reviewed(pool, bank, 11)
    first = await pool.fetchval("SELECT id FROM assessments ORDER BY created_at LIMIT 1")
    now = datetime.now(UTC) - timedelta(minutes=1)
    await add_call(pool, first, model="m", cost=0.25, at=now)
    await pool.execute(
        "INSERT INTO feedback (assessment_id, run, author, relevance, acceptance) VALUES ($1, 1, 'student-0', 5, 4)",
        first,
    )
    page = await advisor.get(f"{INSIGHTS}?track={SLUG}")
    assert page.status == 200
    drawn = charts(page)
    essays = ["Essays, scored by the local estimate", "Essays, scored by people", "Essays, scored by the model"]
    assert [title for title in drawn if title.startswith("Essays")] == sorted(essays, key=drawn.index)
    assert {"Theory", "Points earned by question", "Why results are incomplete", "Relevance of results"} <= set(drawn)
    assert any(title.startswith("Cost by day") for title in drawn)
    assert "In 100.0 % of all results (11), something was missing or estimated." in page.text
    head, *scores = await rows(advisor, "scores", f"track={SLUG}")
    by_scorer = {(row[1], row[2]): dict(zip(head, row, strict=True)) for row in scores}
    assert by_scorer["Essays", "the model"]["scores"] == by_scorer["Essays", "people"]["scores"] == "11"
    assert by_scorer["Essays", "the model"]["mean %"] == "40.0"
    assert by_scorer["Essays", "all, without people"]["scores"] == "22"
    head, *questions = await rows(advisor, "questions", f"track={SLUG}")
    assert {row[3] for row in questions} == {"11"} and head[-1] == "discrimination"
    assert await rows(advisor, "degraded") == [
        ["reason", "code", "results", "share %"],
        ["An essay has a local estimate", "essay_scored_locally", "11", "100.0"],
    ]
    assert (await rows(advisor, "cost"))[1][1:] == ["1", "100", "10", "0.25"]
    assert (await rows(advisor, "models"))[1][:2] == ["openai", "m"]
    assert (await rows(advisor, "feedback"))[1][1:5] == ["results", "relevance", "1", "5.0"]
    assert sum(int(row[3]) for row in (await rows(advisor, "agreement"))[1:]) == 11


async def test_figures_are_of_the_period(advisor: Person, pool: Pool, bank: Bank) -> None:
    await reviewed(pool, bank, 1)
    await pool.execute("UPDATE assessments SET created_at = '2026-03-01T12:00:00Z'")
    assert len(await rows(advisor, "scores")) == 1
    assert len(await rows(advisor, "questions", f"track={SLUG}")) == 1
    then = "from=2026-03-01&to=2026-03-01"
    assert len(await rows(advisor, "scores", then)) > 1
    assert len(await rows(advisor, "questions", f"track={SLUG}&{then}")) > 1
    page = await advisor.get(f"{INSIGHTS}?{then}")
    assert page.html.count('value="2026-03-01"') == 2 and f"?{then}&section=scores" in unescape(page.html)


async def test_an_impossible_period_keeps_what_was_typed(advisor: Person, bank: Bank) -> None:
    for query in ("from=2026-03-03&to=2026-03-01", "from=yesterday&to=", "from=2020-01-01&to=2026-01-01"):
        page = await advisor.get(f"{INSIGHTS}?{query}")
        assert page.status == 422 and 'role="alert"' in page.html and 'aria-invalid="true"' in page.html
        assert f'value="{query[5:].partition("&")[0]}"' in page.html
        assert (await advisor.get(f"{FILE}?section=scores&{query}")).status == 400
    assert (await advisor.get(f"{INSIGHTS}?from=&to=&track=")).status == 200
    for query in ("", "?section=", "?section=owners"):
        assert (await advisor.get(f"{FILE}{query}")).status == 400


async def test_hostile_names_are_shown_as_text(advisor: Person, pool: Pool, bank: Bank) -> None:
    await reviewed(pool, bank, 10)
    await pool.execute("UPDATE tracks SET name = $1", HOSTILE)
    hostile_prompt = "UPDATE question_versions SET body = jsonb_set(body, '{prompt}', to_jsonb($1::text))"
    async with pool.acquire() as conn, conn.transaction():
        # Triggers keep versions as they are.
        await conn.execute("SET LOCAL session_replication_role = replica")
        await conn.execute(hostile_prompt, HOSTILE)
    first = await pool.fetchval("SELECT id FROM assessments LIMIT 1")
    await add_call(pool, first, model=HOSTILE, cost=None, at=datetime.now(UTC) - timedelta(minutes=1))
    page = await advisor.get(f"{INSIGHTS}?track={SLUG}")
    assert page.status == 200 and "<script>alert" not in page.html and "{{ 7*7 }}" in page.html
    assert "Points earned by question" in charts(page)
    assert all(row[2].startswith("'=1+1") for row in (await rows(advisor, "questions", f"track={SLUG}"))[1:])
    # The track's slug comes from the address.
    answer = await advisor.get(f"{INSIGHTS}?track=%22%3E%3Cscript%3Ealert(2)%3C/script%3E")
    assert answer.status == 200 and "<script>alert" not in answer.html


def test_charts_have_places_for_extreme_values() -> None:
    axis = Axis("x", 0, 100)
    pictures = [
        bars("Bars", "None", [Bar("a", 0, "0")], 0),
        bars("Bars", "Beyond both ends", [Bar("a", -1, "-1"), Bar("b", 9, "9")], 1),
        distribution("Distribution", "Empty", [0] * 10, axis),
        scatter("Scatter", "Empty", [], axis, axis),
        difference_plot("Differences", "One", [Dot(50, -100, 10_000)], axis, Axis("y", -100, 100), 0, (-1, 1)),
        *(sparkline("Line", "Few", values) for values in ([], [0.0], [1.0], [0.0, 0.0], [1.0, 5.0])),
    ]
    for picture in pictures:
        parsed = ElementTree.fromstring(picture.replace("<br>", ""))  # noqa: S314 - ours
        assert "nan" not in picture and "inf" not in picture and "style=" not in picture
        assert [rect for rect in parsed.iter("rect") if float(rect.get("width", 0)) < 0] == []
