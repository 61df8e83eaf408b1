"""The JSON body of webhook messages, and its limit on size."""

import json
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.records.webhooks import WebhookEvent
from app.domain.result.fusion import fuse
from app.domain.result.model import Reason
from app.domain.states import EventType, ReasonCode
from app.schemas.webhook_message import BODY_LIMIT, body_of
from tests.domain.builders import question_score, run_facts

REASONS = st.builds(Reason, code=st.sampled_from(ReasonCode), stage=st.text(), detail=st.text())
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def event(event_type: EventType, reasons: tuple[Reason, ...] = ()) -> WebhookEvent:
    """An event of run 3 of an assessment."""
    result = None if event_type is EventType.FAILED else fuse(run_facts(theoretical=(question_score(1, 1.5, 2.0),)))
    return WebhookEvent(
        assessment_id=UUID(int=7),
        owner="student-1",
        run=3,
        event_type=event_type,
        track="gardener",
        completed_at=AT,
        happened_at=AT,
        result=result,
        reasons=reasons,
    )


@given(st.lists(REASONS, max_size=40))
def test_no_reasons_make_a_body_too_long(reasons: list[Reason]) -> None:
    body = body_of(event(EventType.COMPLETED, tuple(reasons)))
    data = json.loads(body)["data"]
    assert len(body.encode()) < BODY_LIMIT
    assert data["degraded"] is bool(reasons)
    assert [reason["code"] for reason in data["degraded_reasons"]] == [reason.code for reason in reasons[:10]]


@pytest.mark.parametrize("character", ["\x01", "\U0001f333", '"', "é"])
def test_the_longest_reasons_are_cut(character: str) -> None:
    long = Reason(code=ReasonCode.RECOMMENDATIONS_UNAVAILABLE, stage=character * 500, detail=character * 50_000)
    body = body_of(event(EventType.RESCORED, (long,) * 50), "https://" + "a" * 192)
    assert len(body.encode()) < BODY_LIMIT
    assert json.loads(body)["data"]["degraded_reasons"][0]["detail"].endswith(f"{character}…")


@pytest.mark.parametrize(("event_type", "status"), [
    (EventType.COMPLETED, "completed"), (EventType.RESCORED, "completed"), (EventType.FAILED, "failed"),
])  # fmt: skip
def test_a_body_names_the_event_its_time_and_the_assessment(event_type: EventType, status: str) -> None:
    body = json.loads(body_of(event(event_type)))
    assert (body["type"], body["timestamp"]) == (event_type, "2026-01-02T03:04:05Z")
    assert (body["data"]["assessment_id"], body["data"]["run"], body["data"]["status"]) == (str(UUID(int=7)), 3, status)
    assert body["data"]["links"]["result"] == f"/assessments/{UUID(int=7)}/result"
