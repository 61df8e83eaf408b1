"""Liveness, readiness, metrics, and the documentation page."""

import re
from html.parser import HTMLParser
from pathlib import Path

from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample
from pydantic import SecretStr

from app.repositories.sql import Pool
from tests.api import Api
from tests.bank import SLUG, Bank
from tests.web.conftest import Serve
from tests.web.problems import problem

DOCUMENT = Path(__file__).parents[2] / "docs" / "operations.md"


class References(HTMLParser):
    """The files that a page loads, and its inline scripts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.inline: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes what the tag loads or runs."""
        attributes = dict(attrs)
        self.loaded += [
            attributes[name] or ""
            for name in ("src", "href")
            if name in attributes and tag in ("script", "link", "img")
        ]
        self.inline += [name for name in attributes if name.startswith("on")]
        if tag == "script" and "src" not in attributes:
            self.inline.append(tag)


async def families(api: Api) -> list[Metric]:
    """All metrics of `/metrics`."""
    reply = await api.get("/metrics")
    assert reply.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    return list(text_string_to_metric_families(reply.raw.decode()))


async def samples(api: Api) -> list[Sample]:
    """All samples of `/metrics`."""
    return [sample for family in await families(api) for sample in family.samples]


async def values_by_labels(api: Api) -> dict[tuple[str, ...], float]:
    """The values by name and labels."""
    return {(sample.name, *sample.labels.values()): sample.value for sample in await samples(api)}


async def value(api: Api, *name_and_labels: str) -> float:
    """One of these values."""
    return (await values_by_labels(api))[name_and_labels]


async def request_counts(api: Api) -> dict[tuple[str, str, str], float]:
    """Requests by method, route and status."""
    return {
        (sample.labels["method"], sample.labels["route"], sample.labels["status"]): sample.value
        for sample in await samples(api)
        if sample.name == "assay_http_request_seconds_count"
    }


async def test_public_routes_need_no_token(api: Api) -> None:
    for path in ("/healthz", "/readyz", "/metrics", "/openapi.json", "/docs", "/docs/docs.js"):
        reply = await api.send_raw("GET", path, None, {"Authorization": "Bearer nonsense"})
        assert reply.status == 200
        assert reply.headers["X-Content-Type-Options"] == "nosniff"


async def test_alive_and_ready(api: Api) -> None:
    assert (await api.get("/healthz")).body == {"status": "ok"}
    assert (await api.get("/readyz")).body == {"postgres": "ok", "migrations": "ok", "redis": "ok"}


async def test_requests_are_counted_by_the_routes_template(api: Api, path: str) -> None:
    for _ in range(3):
        await api.get(f"{path}/status")
    await api.get(f"{path}/status", If_None_Match="*")
    await api.get("/tracks/nobody")
    await api.get("/some/where/else")
    await api.send("PUT", "/tracks")
    counts = await request_counts(api)
    status = "/assessments/{assessment_id}/status"
    assert (counts["GET", status, "200"], counts["GET", status, "304"]) == (3, 1)
    assert counts["GET", "/tracks/{slug}", "404"] == 1
    assert (counts["any", "none", "404"], counts["any", "none", "405"]) == (1, 1)
    assert not any("nobody" in route or path in route for _, route, _ in counts)


async def test_submissions_and_jobs_are_counted(api: Api, path: str, pool: Pool) -> None:
    await api.post(f"{path}/submit", {}, Idempotency_Key="once")
    await api.post(f"{path}/submit", {}, Idempotency_Key="once")
    values = await values_by_labels(api)
    assert values[("assay_submissions_total",)] == 1
    jobs = {key[1:]: value for key, value in values.items() if key[0] == "assay_jobs"}
    assert {kind: jobs[kind, "queued"] for kind in ("gpt", "rag", "fusion")} == {"gpt": 1, "rag": 1, "fusion": 1}
    assert {jobs[kind, status] for kind in ("gpt", "rag", "fusion") for status in ("in_progress", "failed")} == {0}


async def test_jobs_that_no_worker_takes_and_dead_letters_show(api: Api, path: str, pool: Pool) -> None:
    await api.post(f"{path}/submit", {})
    await pool.execute("UPDATE async_jobs SET run_after = now() - interval '10 minutes' WHERE job_type = 'gpt'")
    await pool.execute("UPDATE async_jobs SET run_after = now() + interval '10 minutes' WHERE job_type = 'rag'")
    delays = {job_type: await value(api, "assay_job_delay_seconds", job_type) for job_type in ("gpt", "rag", "fusion")}
    assert 600 <= delays.pop("gpt") < 700 and set(delays.values()) == {0}
    await pool.execute(
        "UPDATE async_jobs SET status = 'failed', completed_at = now(), error = '{}' WHERE job_type = 'gpt'"
    )
    assert await value(api, "assay_jobs", "gpt", "failed") == 1
    assert await value(api, "assay_job_delay_seconds", "gpt") == 0


async def test_an_absent_redis_shows(api: Api, serve: Serve) -> None:
    assert await value(api, "assay_redis_up") == 1
    other = await serve(redis_url=SecretStr("redis://127.0.0.1:1"))
    assert await value(other, "assay_redis_up") == 0


async def test_the_documentation_has_all_metrics_and_its_alerts_no_others(api: Api) -> None:
    text = DOCUMENT.read_text("utf-8")
    in_table = set(re.findall(r"^\| `(assay_\w+)` \|", text, re.MULTILINE))
    shown = {family.name: family.type for family in await families(api)}
    created = {name for name in shown if name.endswith("_created")}
    counters = {f"{name}_total" for name, kind in shown.items() if kind == "counter"}
    assert in_table == {name for name, kind in shown.items() if kind != "counter"} - created | counters
    [alerts] = re.findall(r"^```yaml\n(- alert.*?)^```$", text, re.MULTILINE | re.DOTALL)
    used = {re.sub(r"_(bucket|count)$", "", name) for name in re.findall(r"\bassay_\w+", alerts)}
    assert used <= in_table and in_table - used == {"assay_submissions_total"}, "each has an alert, or shows the load"


async def test_client_errors_are_not_counted_as_server_errors(api: Api, bank: Bank) -> None:
    problem(await api.as_("admin").send("PUT", f"/tracks/{SLUG}"), 405, "method-not-allowed")
    assert not any(status.startswith("5") for _, _, status in await request_counts(api))


async def test_the_page_loads_nothing_from_other_hosts(api: Api) -> None:
    page = await api.get("/docs")
    assert page.headers["Content-Type"].startswith("text/html")
    references = References(page.raw.decode())
    assert references.inline == []
    # An empty icon is part of the page itself.
    loaded = [address for address in references.loaded if not address.startswith("data:")]
    assert len(loaded) == 3
    kinds = {"js": "javascript", "css": "text/css"}
    for address in loaded:
        # Relative to the page, so that it is also right where a proxy serves the page under a path.
        assert address.startswith("docs/")
        asset = await api.get(f"/{address}")
        assert (asset.status, kinds[address.rsplit(".", 1)[1]] in asset.headers["Content-Type"]) == (200, True)
        assert len(asset.raw) > 100
    assert b'new URL("openapi.json", document.baseURI)' in (await api.get("/docs/docs.js")).raw


async def test_the_page_runs_only_scripts_of_this_server(api: Api) -> None:
    policy = (await api.get("/docs")).headers["Content-Security-Policy"]
    rules = {rule.split()[0]: rule.split()[1:] for rule in policy.split(";")}
    assert (rules["default-src"], rules["script-src"], rules["connect-src"]) == (["'none'"], ["'self'"], ["'self'"])
    assert rules["frame-ancestors"] == ["'none'"]


async def test_no_other_file_is_served(api: Api) -> None:
    for name in ("docs.html", "app.py", "..%2fapp.py", "%2e%2e/app.py", "swagger-ui.css/", ""):
        problem(await api.get(f"/docs/{name}"), 404, "not-found")
