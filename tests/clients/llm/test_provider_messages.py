"""What endpoints say about errors: short, on one line, without secrets; and logged once while nothing changes."""

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from app.clients.llm.chat import ChatModel
from app.clients.llm.provider_messages import message_text, without_secrets
from app.domain.essay.prompt import build_prompt
from app.domain.essay.visible_text import visible_text
from app.outages import ModelFault
from app.services.essays.llm_calls import PROBE
from tests.fakes.endpoints import refusing
from tests.fakes.model_server import ModelServer, failure, model_server

KEY = "my-own-key-1234"
KEY_ID = "00000000-0000-4000-8000-000000000000"
PROMPT = build_prompt(PROBE, visible_text("The planet turns."))


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("plain text", "plain text"),
        ({"message": "in a message", "code": 1}, "in a message"),
        ({"error": "a text as error"}, "a text as error"),
        ({"detail": [{"loc": ["body", "n"], "msg": "is wrong"}, {"msg": "and more"}]}, "body.n: is wrong; and more"),
        ({"message": "Provider returned error", "metadata": {"raw": "wait"}}, "Provider returned error: wait"),
        ({"message": "so", "metadata": {"raw": 7}}, "so"),
        ({"message": {"detail": [{"loc": ["body", "n"], "msg": "is wrong"}]}}, "body.n: is wrong"),
        (None, ""), (7, ""), ([], ""), ({}, ""), ({"message": None, "detail": 7}, ""),
    ],
)  # fmt: skip
def test_the_message_of_each_form_of_error(body: object, text: str) -> None:
    assert message_text(body) == text


def test_a_deep_body_is_not_followed_for_ever() -> None:
    body: Any = "bottom"
    for _ in range(5000):
        body = {"error": body}
    assert message_text(body) == ""


@pytest.mark.parametrize(
    "text",
    [
        f"Incorrect key {KEY}.", "Incorrect API key provided: sk-proj-abc_d3f. See", "key 'sk-abc***wxyz' is wrong",
        "got Authorization: Bearer abc.def-ghi", "got bearer\n\tabc.def-ghi", "my-own-\x00key-1234", "key my-o****1234",
        f"assay_{KEY_ID}_" + "abc1234" * 10 + "ab is no key",
    ],
)  # fmt: skip
def test_secrets_are_cut(text: str) -> None:
    shown = without_secrets(text, KEY) or ""
    assert "[cut]" in shown
    for secret in (KEY, "abc", "1234", "d3f", "wxyz", "ghi"):
        assert secret not in shown


def test_a_message_is_one_short_line_without_control_characters() -> None:
    shown = without_secrets("a\x1b[31mred\r\nline\u202e " + "x" * 20_000, KEY)
    assert shown is not None and shown.startswith("a[31mred line x") and len(shown) == 300
    assert without_secrets(" \n\x00", KEY) is None
    assert "my-o" not in (without_secrets("x" * 290 + " " + KEY, KEY) or "")


@pytest.mark.parametrize("word", ["x" * 20_000, "x**" * 7_000])
def test_a_long_word_takes_no_time(word: str) -> None:
    started = time.process_time()
    for _ in range(20):
        without_secrets(word, KEY)
    # Nine seconds without the anchor of the pattern.
    assert time.process_time() - started < 1


@pytest.fixture
async def provider() -> AsyncIterator[ModelServer]:
    async with model_server() as server:
        yield server


async def test_a_fault_is_logged_once_for_each_change(provider: ModelServer) -> None:
    model = ChatModel(KEY, provider.url, "m", 20)
    body = {"error": {"message": f"Incorrect API key provided: {KEY}", "code": "invalid_api_key"}}
    with capture_logs() as lines:
        provider.default = refusing(lambda _: (401, body))
        replies = [await model.ask(PROMPT) for _ in range(3)]
        provider.default = failure(429, "insufficient_quota")
        replies += [await model.ask(PROMPT) for _ in range(2)]
    await model.close()
    assert replies[0].provider_message == "Incorrect API key provided: [cut]"
    faults = [line for line in lines if line["event"] == "model_needs_attention"]
    assert [(line["log_level"], line["provider_message"]) for line in faults] == [
        ("error", "Incorrect API key provided: [cut]"), ("error", "scripted")
    ]  # fmt: skip
    assert "OPENAI_API_KEY" in faults[0]["action"] and "quota" in faults[1]["action"]
    assert KEY not in str(lines)


def test_the_end_of_a_fault_is_logged_and_one_refused_essay_does_not_fill_the_log() -> None:
    now = 0.0
    fault = ModelFault("m", lambda: now)
    with capture_logs() as lines:
        for _ in range(3):
            fault.report("check", "refused", None)
            fault.record_success()
        now = 60.0
        fault.record_success()
        fault.record_success()
        fault.report("check", "refused", None)
    assert [line["event"] for line in lines] == ["model_needs_attention", "model_works_again", "model_needs_attention"]
