"""The client's models against the service's schemas, so that they don't drift apart, and against later versions."""

from collections import defaultdict

import pytest

from assay_client import Status, Submission
from tests.client.answering import SUBMISSION, status
from tests.client.schemas import RESPONSES, Document, Schema, later_value, pairs

# Fields that the service sends and the client deliberately does not read.
LEFT_OUT = {"SummarySentence": {"phrased"}}


class Comparison:
    """What the service sends, by the client's model, and where the two don't fit."""

    def __init__(self) -> None:
        self.sent: defaultdict[str, set[str]] = defaultdict(set)
        self.read: defaultdict[str, set[str]] = defaultdict(set)
        self.misfits: set[str] = set()

    def compare(self, service: Document, theirs: Schema, client: Document, ours: Schema) -> None:
        """Compares two schemas and all that they hold."""
        theirs_by_type, ours_by_type = _by_type(service, theirs), _by_type(client, ours)
        name = ours_by_type.get("object", {}).get("title", "")
        if missing := set(theirs_by_type) - set(ours_by_type) - ({"integer"} if "number" in ours_by_type else set()):
            self.misfits.add(f"{ours.get('title', name)}: the service may send {', '.join(sorted(missing))}")
        for kind in set(theirs_by_type) & set(ours_by_type):
            sent, read = theirs_by_type[kind], ours_by_type[kind]
            if kind == "array":
                self.compare(service, sent["items"], client, read["items"])
            if kind == "object" and "properties" in read:
                self._compare_fields(service, sent, client, read)

    def _compare_fields(self, service: Document, sent: Schema, client: Document, read: Schema) -> None:
        name = read["title"]
        self.sent[name] |= set(sent["properties"])
        self.read[name] |= set(read["properties"])
        for field in set(read.get("required", ())) - set(sent.get("required", ())):
            self.misfits.add(f"{name}.{field}: required by the client, not by the service")
        for field in set(sent["properties"]) & set(read["properties"]):
            self.compare(service, sent["properties"][field], client, read["properties"][field])


def _by_type(source: Document, schema: Schema) -> dict[str, Schema]:
    return {choice.get("type", "string"): choice for choice in source.alternatives(schema)}


def test_the_models_have_the_fields_that_the_service_sends() -> None:
    comparison = Comparison()
    for service, schema, model in pairs():
        ours = model.model_json_schema()
        comparison.compare(service, schema, Document(ours), ours)
    assert comparison.misfits == set()
    assert len(comparison.sent) > 30
    # Looked at by model, since one may stand for several of the service's.
    sent = {model: fields - LEFT_OUT.get(model, set()) for model, fields in comparison.sent.items()}
    assert comparison.read == sent


@pytest.mark.parametrize("number", range(len(RESPONSES) + 1))
def test_unknown_fields_and_values_of_a_later_version_are_accepted(number: int) -> None:
    service, schema, model = list(pairs())[number]
    model.model_validate(later_value(service, schema))


def test_a_status_of_a_later_version_is_not_final() -> None:
    assert not Status.model_validate(status(20.0, status="added_later")).final
    assert Status.model_validate(status(100.0, final=True)).final


def test_fields_that_the_api_does_not_promise_may_be_missing() -> None:
    body = {name: value for name, value in status(20.0).items() if name != "scores"}
    assert Status.model_validate(body).scores is None
    assert Submission.model_validate(SUBMISSION).scores.profile.questions == ()
