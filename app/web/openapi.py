"""The OpenAPI 3.1 document, made from the route table and the models of bodies."""

import re
from functools import cache
from types import UnionType
from typing import Any, get_args

import orjson
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from app.domain.states import Role
from app.http import problems
from app.http.middlewares import NOT_LIMITED
from app.web import openapi_parameters
from app.web.openapi_examples import BODY_EXAMPLES, PATH_EXAMPLES
from app.web.openapi_parameters import QUERY, RESPONSE_HEADERS, JsonSchema
from app.web.route import Route, Shape
from app.web.routes import ROUTES

_REFERENCE = "#/components/schemas/{model}"
_DESCRIPTIONS = {
    200: "Done", 201: "Created", 202: "Accepted; follow the `Location`", 204: "Done", 304: "Not changed",
    400: "Cannot be understood", 401: "No valid token", 403: "Not allowed", 404: "Not found",
    408: "The body did not arrive in time", 409: "Conflicts with the state of the resource", 410: "Too late",
    413: "Body over 1 MiB", 415: "Not JSON",
    422: "Invalid fields", 429: "Too many requests", 503: "Unavailable; try again soon",
}  # fmt: skip
_PROBLEM_HEADERS = {
    401: ("WWW-Authenticate",),
    429: ("Retry-After", "RateLimit", "RateLimit-Policy"),
    503: ("Retry-After",),
}


@cache
def document(public_url: str = "") -> bytes:
    """The document as JSON, for an API at this address."""
    return orjson.dumps(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "Assay",
                "version": "0.1.0",
                "description": _description(),
                "license": {"name": "MIT", "identifier": "MIT"},
            },
            "servers": [{"url": public_url or "/"}],
            "paths": _paths(),
            "components": {
                "schemas": _schemas(),
                "securitySchemes": openapi_parameters.SECURITY_SCHEMES,
            },
        }
    )


def _description() -> str:
    types = "\n".join(f"- `{kind.uri}` ({kind.status}): {kind.title}" for kind in problems.ALL)
    return (
        "Scores assessments: most questions by rule at once, essays by a language model in the background. Recommends "
        "micro-credentials, each with the text that it is based on.\n\n"
        "`x-roles` of an operation lists the roles that may use it. With `x-owner`, students may use it too, for their "
        "own assessments.\n\n"
        "Requests are limited by caller, those without a valid token by address: `RateLimit-Policy` and `RateLimit` of "
        "every answer say how many are allowed and left (draft-ietf-httpapi-ratelimit-headers), and too many get 429 "
        "with `Retry-After`.\n\n"
        f"Errors are `application/problem+json`. Their types:\n{types}"
    )


def _schemas() -> dict[str, Any]:
    shapes = [shape for route in ROUTES for shape in (route.body, *route.success.values())]
    models = dict.fromkeys(model for shape in shapes for model in _models(shape))
    _, schemas = models_json_schema([(model, "validation") for model in models], ref_template=_REFERENCE)
    return {**schemas["$defs"], "Problem": openapi_parameters.PROBLEM}


def _paths() -> dict[str, dict[str, Any]]:
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        if route.documented:
            paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return paths


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.handler.__name__,
        "summary": route.summary,
        "description": str(route.access),
        "tags": [route.path.split("/")[1]],
        "parameters": _parameters(route),
        "responses": _responses(route),
    }
    if route.body is not None:
        content = {"application/json": {"schema": _body(route), "example": BODY_EXAMPLES[route.method, route.path]}}
        operation["requestBody"] = {"required": route.body_required and not route.patch, "content": content}
    operation["security"] = _security(route)
    if not route.access.public:
        operation["x-roles"] = [role for role in Role if role in route.access.roles]
    if route.access.owner:
        operation["x-owner"] = True
    return operation


def _security(route: Route) -> list[dict[str, list[str]]]:
    """The tokens of which one is needed; `{}` is none."""
    if route.access.metrics_token:
        return [{}, {"metrics": []}]
    # An empty list says that no token is needed; without one, linters take it for forgotten.
    return [] if route.access.public else [{"bearer": []}]


def _parameters(route: Route) -> list[dict[str, Any]]:
    names = re.findall(r"{(\w+)}", route.path)
    parameters = [{"name": name, "in": "path", "required": True, "schema": _path_schema(name)} for name in names]
    # A page that fills in examples should not offer to delete the sample data.
    if route.path in PATH_EXAMPLES and route.method != "DELETE":
        parameters[-1]["example"] = PATH_EXAMPLES[route.path]
    for name in route.query:
        schema, description = QUERY.get(f"{route.path} {name}") or QUERY[name]
        parameters.append(
            {"name": name, "in": "query", "required": False, "schema": schema, "description": description}
        )
    parameters += [openapi_parameters.IDEMPOTENCY_KEY] * route.keyed
    parameters += [openapi_parameters.IF_NONE_MATCH] * (304 in route.success)
    parameters += [openapi_parameters.PREFER] * ("wait" in route.query)
    parameters += [openapi_parameters.LAST_EVENT_ID] * route.path.endswith("/events")
    return parameters


def _path_schema(name: str) -> JsonSchema:
    return {"type": "string", "format": "uuid"} if name.endswith("_id") else {"type": "string"}


def _responses(route: Route) -> dict[str, Any]:
    successes = {str(status): _success(route, status, shape) for status, shape in route.success.items()}
    content = {"application/problem+json": {"schema": {"$ref": _REFERENCE.format(model="Problem")}}}
    usual = {400} if route.access.public else _usual_problems(route)
    limited = set() if route.path in NOT_LIMITED else {429}
    statuses = (usual | limited | {*route.problems}) - set(route.success)
    return successes | {str(status): _response(route, status) | {"content": content} for status in sorted(statuses)}


def _usual_problems(route: Route) -> set[int]:
    usual = {401, 403, 503}
    if "{" in route.path or (route.method, route.path) == ("POST", "/assessments"):
        usual.add(404)
    if route.query or route.keyed or route.body:
        usual.add(400)
    return usual | ({408, 413, 415, 422} if route.body else set())


def _success(route: Route, status: int, shape: Shape | None) -> dict[str, Any]:
    content = {} if shape is None else {"application/json": {"schema": _reference(shape)}}
    if status != 204:
        other = openapi_parameters.OTHER_CONTENT.get(route.path, {})
        content |= {media_type: {"schema": schema} for media_type, schema in other.items()}
    return _response(route, status) | ({"content": content} if content else {})


def _response(route: Route, status: int) -> dict[str, Any]:
    names: tuple[str, ...] = ()
    if status in route.success and not route.access.public:
        # A result that may also be a 202 has the headers of polling only then.
        names = () if status == 200 and 202 in route.success else route.headers
        names += ("Location", "Idempotent-Replayed") if route.keyed else ()
    else:
        names = _PROBLEM_HEADERS.get(status, ())
    headers = {name: RESPONSE_HEADERS[name] for name in names}
    return {"description": _DESCRIPTIONS[status]} | ({"headers": headers} if headers else {})


def _body(route: Route) -> JsonSchema:
    """A reference; for a patch the same fields with none of them required."""
    if not route.patch:
        return _reference(route.body)
    schemas = []
    for model in _models(route.body):
        schema = model.model_json_schema(ref_template=_REFERENCE)
        schema.pop("$defs", None)
        schemas.append({**schema, "required": []})
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}


def _reference(shape: Shape | None) -> JsonSchema:
    references = [{"$ref": _REFERENCE.format(model=model.__name__)} for model in _models(shape)]
    return references[0] if len(references) == 1 else {"anyOf": references}


def _models(shape: Shape | None) -> tuple[type[BaseModel], ...]:
    if shape is None:
        return ()
    return get_args(shape) if isinstance(shape, UnionType) else (shape,)
