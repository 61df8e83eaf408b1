"""The service's response schemas with the client's models for them, and values made from a schema."""

import json
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from app.schemas.webhook_message import Message as ServiceMessage
from app.web.openapi import document
from assay_client import (
    Appeal,
    Assessment,
    AssessmentSummary,
    Delivery,
    Message,
    Problem,
    RegisteredWebhook,
    Result,
    SavedCounts,
    Status,
    Submission,
    Track,
    Webhook,
)
from assay_client.models import Page

_ASSESSMENT = "/assessments/{assessment_id}"
# Every response that the client parses: method, path, status, model.
RESPONSES: tuple[tuple[str, str, str, type[BaseModel]], ...] = (
    ("get", "/tracks", "200", Page[Track]),
    ("get", "/assessments", "200", Page[AssessmentSummary]),
    ("post", "/assessments", "200", Assessment),
    ("post", "/assessments", "201", Assessment),
    ("get", _ASSESSMENT, "200", Assessment),
    ("get", _ASSESSMENT, "404", Problem),
    ("patch", f"{_ASSESSMENT}/responses", "200", SavedCounts),
    ("post", f"{_ASSESSMENT}/submit", "202", Submission),
    ("get", f"{_ASSESSMENT}/status", "200", Status),
    ("get", f"{_ASSESSMENT}/result", "200", Result),
    ("post", f"{_ASSESSMENT}/scores/{{question_id}}/appeal", "201", Appeal),
    ("post", f"{_ASSESSMENT}/webhook", "200", RegisteredWebhook),
    ("post", f"{_ASSESSMENT}/webhook", "201", RegisteredWebhook),
    ("get", f"{_ASSESSMENT}/webhook", "200", Webhook),
    ("get", f"{_ASSESSMENT}/webhook/deliveries", "200", Page[Delivery]),
)
Schema = dict[str, Any]
_FORMATTED = {"uuid": "0e1f6f0e-5d5e-4c62-9b3a-5a4f3c1c9a77", "date-time": "2026-01-02T03:04:05Z"}
_SIMPLE = {"string": "text", "integer": 1, "number": 0.5, "boolean": True}


class Document:
    """A JSON document whose schemas refer to each other."""

    def __init__(self, content: Schema) -> None:
        self._content = content

    def alternatives(self, schema: Schema) -> list[Schema]:
        """The schemas that a value may have, with references resolved."""
        schema = self._resolve(schema)
        choices: list[Schema] = schema.get("anyOf") or schema.get("oneOf") or [schema]
        return [self._resolve(choice) for choice in choices]

    def _resolve(self, schema: Schema) -> Schema:
        while "$ref" in schema:
            target: Any = self._content
            for part in schema["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            schema = target
        return schema


def parsed_schemas() -> Iterator[tuple[str, Document, Schema, type[BaseModel]]]:
    """The name and schema of each response and of the webhook message, with the client's model."""
    openapi = json.loads(document())
    for method, path, status, model in RESPONSES:
        response = openapi["paths"][path][method]["responses"][status]
        (content,) = response["content"].values()
        yield f"{method} {path} {status}", Document(openapi), content["schema"], model
    # OpenAPI does not describe the message.
    message = ServiceMessage.model_json_schema(mode="serialization")
    yield "webhook message", Document(message), message, Message


def later_value(source: Document, schema: Schema) -> Any:
    """A value as a later version of the service may send it: with additional fields, and new values of enums."""
    schema = source.alternatives(schema)[0]
    if "enum" in schema or "const" in schema:
        return "added_later"
    if schema["type"] == "object" and "properties" in schema:
        fields = {name: later_value(source, field) for name, field in schema["properties"].items()}
        return fields | {"added_later": {"some": ["thing"]}}
    if schema["type"] == "object":
        return {"added_later": later_value(source, schema["additionalProperties"])}
    if schema["type"] == "array":
        return [later_value(source, schema["items"])]
    return _FORMATTED[schema["format"]] if "format" in schema else _SIMPLE[schema["type"]]
