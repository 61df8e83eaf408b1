"""For operators and readers: health, metrics, the documentation page."""

from html.parser import HTMLParser

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from tests.api import Api
from tests.bank import SLUG, Bank
from tests.web.expecting import problem


class References(HTMLParser):
    """What a page loads, and scripts that stand in the page itself."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.inline: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes what the tag loads."""
        told = dict(attrs)
        self.loaded += [
            told[name] or "" for name in ("src", "href") if name in told and tag in ("script", "link", "img")
        ]
        self.inline += [name for name in told if name.startswith("on")]
        if tag == "script" and "src" not in told:
            self.inline.append(tag)


async def samples(api: Api) -> list[Sample]:
    """All samples of `/metrics`."""
    reply = await api.get("/metrics")
    assert reply.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    return [sample for family in text_string_to_metric_families(reply.raw.decode()) for sample in family.samples]


async def counted(api: Api) -> dict[tuple[str, str, str], float]:
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
    told = await counted(api)
    status = "/assessments/{assessment_id}/status"
    assert (told["GET", status, "200"], told["GET", status, "304"]) == (3, 1)
    assert told["GET", "/tracks/{slug}", "404"] == 1
    assert (told["any", "none", "404"], told["any", "none", "405"]) == (1, 1)
    assert not any("nobody" in route or path in route for _, route, _ in told)


async def test_submissions_and_jobs_are_counted(api: Api, path: str) -> None:
    await api.post(f"{path}/submit", {}, Idempotency_Key="once")
    await api.post(f"{path}/submit", {}, Idempotency_Key="once")
    found = {(sample.name, *sample.labels.values()): sample.value for sample in await samples(api)}
    assert found[("assay_submissions_total",)] == 1
    jobs = {key[1:]: value for key, value in found.items() if key[0] == "assay_jobs"}
    assert {kind: jobs[kind, "queued"] for kind in ("gpt", "rag", "fusion")} == {"gpt": 1, "rag": 1, "fusion": 1}
    assert {jobs[kind, "in_progress"] for kind in ("gpt", "rag", "fusion")} == {0}


async def test_a_server_error_is_counted_as_one(api: Api, bank: Bank) -> None:
    problem(await api.as_("admin").send("PUT", f"/tracks/{SLUG}"), 405, "method-not-allowed")
    assert not any(status.startswith("5") for _, _, status in await counted(api))


async def test_the_page_loads_nothing_from_elsewhere(api: Api) -> None:
    page = await api.get("/docs")
    assert page.headers["Content-Type"].startswith("text/html")
    found = References(page.raw.decode())
    assert found.inline == []
    assert len(found.loaded) == 3
    kinds = {"js": "javascript", "css": "text/css"}
    for address in found.loaded:
        assert address.startswith("/docs/")
        asset = await api.get(address)
        assert (asset.status, kinds[address.rsplit(".", 1)[1]] in asset.headers["Content-Type"]) == (200, True)
        assert len(asset.raw) > 100
    assert b"/openapi.json" in (await api.get("/docs/docs.js")).raw


async def test_the_page_may_run_scripts_of_this_server_alone(api: Api) -> None:
    policy = (await api.get("/docs")).headers["Content-Security-Policy"]
    rules = {rule.split()[0]: rule.split()[1:] for rule in policy.split(";")}
    assert (rules["default-src"], rules["script-src"], rules["connect-src"]) == (["'none'"], ["'self'"], ["'self'"])
    assert rules["frame-ancestors"] == ["'none'"]


async def test_no_other_file_is_served(api: Api) -> None:
    for name in ("docs.html", "app.py", "..%2fapp.py", "%2e%2e/app.py", "swagger-ui.css/", ""):
        problem(await api.get(f"/docs/{name}"), 404, "not-found")
