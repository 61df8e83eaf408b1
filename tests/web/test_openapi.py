"""The OpenAPI document: it is valid and complete, and the server answers generated requests as it says."""

import asyncio
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from app import sample_data
from app.domain.states import JobType
from app.http import problems
from app.repositories.sql import Pool
from app.services.catalog.seed import seed
from app.web.routes import ROUTES
from tests.api import Api
from tests.api_keys import new_api_key
from tests.bank import SLUG, Bank
from tests.dead_letters import fail_job
from tests.job_runner import Finish, submit
from tests.subscriptions import insert_subscription_delivery, new_subscription
from tests.web.test_operations import request_counts
from tests.webhooks import insert_delivery

# What a schema cannot say (a cursor is one of ours, a key names an option) makes fine-looking requests wrong.
_UNSAYABLE = "positive_data_acceptance"
# A stream that ends with the assessment, which nobody finishes here; tests/web/assessments/test_events.py has it.
_ENDLESS = "/assessments/{assessment_id}/events"
_EXAMPLES = 4
# Much more than it needs on an idle machine.
_SECONDS = 600


@pytest.fixture
async def document(api: Api) -> Any:
    """The document as served."""
    return (await api.get("/openapi.json")).body


async def test_it_is_valid_openapi(document: Any) -> None:
    OPENAPI_31_VALIDATOR.validate(document)
    assert document["openapi"].startswith("3.1")
    with pytest.raises(ValueError, match="paths"):
        OPENAPI_31_VALIDATOR.validate(document | {"paths": []})


async def test_every_reference_can_be_resolved(document: Any) -> None:
    named = set(re.findall(r"#/components/schemas/(\w+)", str(document)))
    assert named <= set(document["components"]["schemas"])
    assert {"Problem", "StatusView", "ResultView", "EssayQuestionView"} <= named


async def test_it_has_every_route_and_nothing_else(document: Any) -> None:
    documented = {(method.upper(), path) for path, operations in document["paths"].items() for method in operations}
    assert documented == {(route.method, route.path) for route in ROUTES if route.documented}
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names)
    assert all(operation["summary"] and operation["tags"] for operation in operations)


async def test_it_says_who_may_use_each_operation(document: Any) -> None:
    for route in ROUTES:
        if route.documented:
            operation, rule = document["paths"][route.path][route.method.lower()], route.access
            assert ("403" not in operation["responses"]) is rule.public
            assert ("401" not in operation["responses"]) is (rule.public and not rule.metrics_token)
            if rule.metrics_token:
                assert (route.path, operation["security"]) == ("/metrics", [{}, {"metrics": []}])
            else:
                assert operation["security"] == ([] if rule.public else [{"bearer": []}])
            assert set(operation.get("x-roles", ())) == rule.roles
            assert operation.get("x-owner", False) is rule.owner
            assert operation["description"] == str(rule)
    feedback = document["paths"]["/assessments/{assessment_id}/feedback"]["post"]
    assert (feedback["x-roles"], feedback["x-owner"]) == (["advisor", "admin"], True)
    assert feedback["description"] == "Only for advisors, admins and the student who owns the assessment."


async def test_it_lists_only_headers_that_are_sent(
    document: Any, api: Api, path: str, bank: Bank, finish: Finish
) -> None:
    def promised(end: str, status: int) -> set[str]:
        method = document["paths"][f"/assessments/{{assessment_id}}{end}"]["get"]
        return set(method["responses"][str(status)].get("headers", ()))

    await api.post(f"{path}/submit", {"responses": bank.all_answers()})
    waiting = await api.get(f"{path}/result")
    await finish()
    for reply, end in ((waiting, "/result"), (await api.get(f"{path}/result"), "/result")):
        named = promised(end, reply.status)
        assert named == {"ETag", "Retry-After"} & set(reply.headers), reply.status
    assert "ETag" in promised("/status", 200)


async def test_it_names_every_type_of_problem(document: Any) -> None:
    kinds = document["components"]["schemas"]["Problem"]["properties"]["type"]["enum"]
    assert kinds == [kind.uri for kind in problems.ALL]
    assert all(f"`{uri}`" in document["info"]["description"] for uri in kinds)
    assert len(set(kinds)) == len(kinds) > 15


async def test_it_keeps_the_recommended_rules_of_the_redocly_linter(document: Any) -> None:
    """Those that a document of this kind can break; the linter itself needs npm."""
    assert document["info"]["license"].keys() == {"name", "identifier"}
    assert document["servers"] and all(server["url"] for server in document["servers"])
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert "security" in operation, f"{method} {path}"
            assert any(status.startswith("4") for status in operation["responses"]), f"{method} {path}"
            assert any(status.startswith("2") for status in operation["responses"]), f"{method} {path}"
    for place, schema in schemas_with(document, "oneOf"):
        property_name = schema["discriminator"]["propertyName"]
        members = [document["components"]["schemas"][item["$ref"].rsplit("/", 1)[1]] for item in schema["oneOf"]]
        assert members and all(property_name in member["required"] for member in members), place


async def test_every_example_of_a_request_works_on_the_sample_data(
    document: Any, api: Api, pool: Pool, finish: Finish
) -> None:
    await seed(pool, sample_data.tracks(), sample_data.questions(), sample_data.credentials(), lambda _: None)
    requests = {
        (method.upper(), path): operation
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if "requestBody" in operation or any("example" in parameter for parameter in operation["parameters"])
    }
    known = {"job_id": await _failed_job(api, pool, document)}
    known["key_id"] = str((await new_api_key(pool, "advisor")).record.key_id)
    known["subscription_id"] = str(await new_subscription(pool))
    for (method, path), operation in requests.items():
        if path.startswith("/webhooks/") and "{delivery_id}" in path:
            to = await new_subscription(pool)
            delivery_id = await insert_subscription_delivery(pool, UUID(known["assessment_id"]), to)
            known |= {"subscription_id": str(to), "delivery_id": str(delivery_id)}
        elif "{delivery_id}" in path:
            await finish()
            deliveries = await api.get(f"/assessments/{known['assessment_id']}/webhook/deliveries")
            known["delivery_id"] = deliveries.body["items"][0]["delivery_id"]
        examples = {item["name"]: item["example"] for item in operation["parameters"] if "example" in item}
        student = operation.get("x-owner") or "student" in operation["x-roles"]
        reply = await (api if student else api.as_("admin")).send(
            method, path.format_map(known | examples), _body_example(operation)
        )
        assert reply.status < 300, (method, path, reply.body)
        if path == "/assessments":
            known["assessment_id"] = reply.body["assessment_id"]
            known["question_id"] = reply.body["questions"][0]["question_id"]
        if path.endswith("/appeal"):
            known["appeal_id"] = reply.body["appeal_id"]
    assert len(requests) > 15


async def _failed_job(api: Api, pool: Pool, document: Any) -> str:
    """The id of a failed job of another student's assessment."""
    student = api.as_("student", sub="student-2")
    started = await student.post("/assessments", _body_example(document["paths"]["/assessments"]["post"]))
    assert (await student.post(f"{started.headers['Location']}/submit")).status == 202
    return str(await fail_job(pool, UUID(started.body["assessment_id"]), JobType.GPT))


def _body_example(operation: Any) -> Any:
    body = operation.get("requestBody")
    return body and body["content"]["application/json"]["example"]


def schemas_with(value: Any, keyword: str, place: str = "#") -> Iterator[tuple[str, Any]]:
    """Every object in the document that has the keyword, with its place."""
    if isinstance(value, dict) and keyword in value:
        yield place, value
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in items:
        yield from schemas_with(item, keyword, f"{place}/{name}")


async def test_it_says_how_positions_in_texts_are_counted(document: Any) -> None:
    schemas = document["components"]["schemas"].items()
    fields = {
        (name, field): schema["properties"][field]
        for name, schema in schemas
        for field in ("start", "end")
        if {"quote", field} <= schema.get("properties", {}).keys()
    }
    assert {name for name, _ in fields} >= {"Evidence", "RecommendationSource"}
    assert [place for place, field in fields.items() if "Unicode code points" not in field.get("description", "")] == []


async def test_it_describes_responses_and_patches(document: Any) -> None:
    schemas = document["components"]["schemas"]
    assert schemas["SaveBody"]["properties"]["responses"]["maxItems"] == 500
    assert schemas["SaveBody"]["additionalProperties"] is False
    patch = document["paths"]["/tracks/{slug}"]["patch"]["requestBody"]
    assert patch["content"]["application/json"]["schema"]["required"] == []
    assert (patch["required"], document["paths"]["/tracks"]["post"]["requestBody"]["required"]) == (False, True)


async def test_the_server_answers_generated_requests_as_the_document_says(
    api: Api, path: str, bank: Bank, pool: Pool, tmp_path: Path
) -> None:
    """Each operation is called by someone who may use it; the test fails if one only ever answers 403, 404 or 405."""
    credential = await pool.fetchval("SELECT id FROM credentials LIMIT 1")
    job = await fail_job(pool, await submit(pool, bank, "student-2"), JobType.GPT)
    known = {"assessment_id": path.rsplit("/", 1)[1], "question_id": bank.ids["right"], "credential_id": credential}
    known["job_id"], known["key_id"] = job, (await new_api_key(pool, "student")).record.key_id
    known["delivery_id"] = await insert_delivery(pool, UUID(known["assessment_id"]))
    # A generated request may remove it before another one looks.
    assert (await api.get(f"{path}/webhook")).status == 200
    config = tmp_path / "schemathesis.toml"
    lines = [f'"path.{name}" = "{value}"\n' for name, value in (known | {"slug": SLUG}).items()]
    # Nobody changes the assessment, so whoever waits for that waits in vain.
    config.write_text('[parameters]\n"query.wait" = 0\n' + "".join(lines))
    admin, not_for_students = api.as_("admin"), "(/override|/rescore|/trace)$"
    reports = [
        _generated(api, config, "--include-path-regex", "^/assessments", "--exclude-path-regex", not_for_students),
        _generated(admin, config, "--exclude-path-regex", "^/assessments"),
        _generated(admin, config, "--include-path-regex", not_for_students),
    ]
    assert [report for report in await asyncio.gather(*reports) if report] == []
    reached = {
        (method, route) for method, route, status in await request_counts(api) if status not in ("403", "404", "405")
    }
    assert reached >= {(route.method, route.path) for route in ROUTES if route.documented and route.path != _ENDLESS}


async def _generated(caller: Api, config: Path, *choice: str) -> str:
    """The failures that Schemathesis reports after valid and invalid requests; empty if there are none."""
    command: list[object] = [Path(sys.executable).parent / "st", "--config-file", config, "--no-color", "run"]
    command += [f"http://{caller.client.host}:{caller.client.port}/openapi.json"]
    command += [*choice, "--header", f"Authorization: {caller.bearer}"]
    command += ["--exclude-path", _ENDLESS]
    command += ["--exclude-checks", _UNSAYABLE, "--phases", "coverage,fuzzing", "--max-examples", str(_EXAMPLES)]
    command += ["--no-shrink", "--seed", "1", "--generation-database", "none", "--warnings", "off"]
    running = await asyncio.create_subprocess_exec(
        *map(str, command), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=config.parent
    )
    try:
        async with asyncio.timeout(_SECONDS):
            report, _ = await running.communicate()
    finally:
        if running.returncode is None:
            running.kill()
    return report.decode() if running.returncode else ""
