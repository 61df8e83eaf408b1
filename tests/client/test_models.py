"""The client's models: they have the fields of the service's schemas, and accept what later versions may send."""

from collections import defaultdict

import pytest
from pydantic import BaseModel

from assay_client import Status, Submission
from tests.client.fake_service import SUBMISSION, status_body
from tests.client.schemas import Document, Schema, later_value, parsed_schemas

# Fields that the service sends and the client deliberately leaves out.
LEFT_OUT = {"Problem": {"instance"}}
# Fields that the client fills in itself.
ADDED = {"Problem": {"retry_after"}}


class Comparison:
    """The fields of the service's schemas and of the client's models, by model, and what does not fit."""

    def __init__(self) -> None:
        # Collected by model, because one model may stand for several schemas.
        self.service_fields: defaultdict[str, set[str]] = defaultdict(set)
        self.client_fields: defaultdict[str, set[str]] = defaultdict(set)
        self.mismatches: set[str] = set()

    def compare(self, service: Document, sent: Schema, client: Document, read: Schema, place: str) -> None:
        """Compares two schemas and everything inside them."""
        sent_types, read_types = _by_type(service, sent), _by_type(client, read)
        unknown = set(sent_types) - set(read_types) - ({"integer"} if "number" in read_types else set())
        self.mismatches |= {f"{place}: may be {name} in the service" for name in unknown}
        for name in set(sent_types) & set(read_types):
            if name == "array":
                self.compare(service, sent_types[name]["items"], client, read_types[name]["items"], f"{place}[]")
            if name == "object" and "properties" in read_types[name]:
                self._compare_fields(service, sent_types[name], client, read_types[name])

    def _compare_fields(self, service: Document, sent: Schema, client: Document, read: Schema) -> None:
        model = read["title"]
        self.service_fields[model] |= set(sent["properties"])
        self.client_fields[model] |= set(read["properties"])
        optional = set(read.get("required", ())) - set(sent.get("required", ()))
        self.mismatches |= {f"{model}.{field}: optional in the service" for field in optional}
        for field in set(sent["properties"]) & set(read["properties"]):
            properties = sent["properties"][field], read["properties"][field]
            self.compare(service, properties[0], client, properties[1], f"{model}.{field}")


def _by_type(source: Document, schema: Schema) -> dict[str, Schema]:
    return {choice.get("type", "string"): choice for choice in source.alternatives(schema)}


def test_the_models_have_the_fields_that_the_service_sends() -> None:
    comparison = Comparison()
    for name, service, schema, model in parsed_schemas():
        client_schema = model.model_json_schema()
        comparison.compare(service, schema, Document(client_schema), client_schema, name)
    assert comparison.mismatches == set()
    assert len(comparison.client_fields) > 30
    expected = {
        model: fields - LEFT_OUT.get(model, set()) | ADDED.get(model, set())
        for model, fields in comparison.service_fields.items()
    }
    assert comparison.client_fields == expected


@pytest.mark.parametrize(
    ("service", "schema", "model"), [pytest.param(*parts, id=name) for name, *parts in parsed_schemas()]
)
def test_unknown_fields_and_values_of_a_later_version_are_accepted(
    service: Document, schema: Schema, model: type[BaseModel]
) -> None:
    model.model_validate(later_value(service, schema))


def test_an_unknown_status_is_not_final() -> None:
    assert not Status.model_validate(status_body(20.0, status="added_later")).final
    assert Status.model_validate(status_body(100.0, final=True)).final


def test_fields_that_the_api_does_not_promise_may_be_missing() -> None:
    body = {name: value for name, value in status_body(20.0).items() if name != "scores"}
    assert Status.model_validate(body).scores is None
    assert Submission.model_validate(SUBMISSION).scores.profile.questions == ()
