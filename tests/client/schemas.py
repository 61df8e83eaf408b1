"""The service's response schemas beside the client's models, and values made from a schema."""

import json
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from app.domain.webhooks import Message as ServiceMessage
from app.web.openapi import document
from assay_client import Assessment, Message, RegisteredWebhook, Result, SavedCounts, Status, Submission, Webhook
from assay_client.models import Delivery, Page, Track

_ASSESSMENT = "/assessments/{assessment_id}"
# Every response that the client reads: method, path, status, model.
RESPONSES: tuple[tuple[str, str, str, type[BaseModel]], ...] = (
    ("get", "/tracks", "200", Page[Track]),
    ("post", "/assessments", "201", Assessment),
    ("get", _ASSESSMENT, "200", Assessment),
    ("patch", f"{_ASSESSMENT}/responses", "200", SavedCounts),
    ("post", f"{_ASSESSMENT}/submit", "202", Submission),
    ("get", f"{_ASSESSMENT}/status", "200", Status),
    ("get", f"{_ASSESSMENT}/result", "200", Result),
    ("post", f"{_ASSESSMENT}/webhook", "201", RegisteredWebhook),
    ("get", f"{_ASSESSMENT}/webhook", "200", Webhook),
    ("get", f"{_ASSESSMENT}/webhook/deliveries", "200", Page[Delivery]),
)
Schema = dict[str, Any]


class Document:
    """A JSON schema whose references lead into it."""

    def __init__(self, whole: Schema) -> None:
        self._whole = whole

    def resolve(self, schema: Schema) -> Schema:
        """What a reference leads to, or the schema itself."""
        while "$ref" in schema:
            target: Any = self._whole
            for part in schema["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            schema = target
        return schema

    def alternatives(self, schema: Schema) -> list[Schema]:
        """The schemas of which one fits; one where there is no choice."""
        schema = self.resolve(schema)
        choices: list[Schema] = schema.get("anyOf") or schema.get("oneOf") or [schema]
        return [self.resolve(choice) for choice in choices]


def pairs() -> Iterator[tuple[Document, Schema, type[BaseModel]]]:
    """Each response's schema with the model that reads it; the webhook message, which OpenAPI has not, last."""
    openapi = json.loads(document())
    for method, path, status, model in RESPONSES:
        response = openapi["paths"][path][method]["responses"][status]
        yield Document(openapi), response["content"]["application/json"]["schema"], model
    message = ServiceMessage.model_json_schema(mode="serialization")
    yield Document(message), message, Message


def later_value(source: Document, schema: Schema) -> Any:
    """A value of the schema as a later version of the service may send it: with more fields and unknown values."""
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
    if "format" in schema:
        return _FORMATTED[schema["format"]]
    return {"string": "text", "integer": 1, "number": 0.5, "boolean": True}[schema["type"]]


_FORMATTED = {"uuid": "0e1f6f0e-5d5e-4c62-9b3a-5a4f3c1c9a77", "date-time": "2026-01-02T03:04:05Z"}
