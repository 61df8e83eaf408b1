"""Credentials, and the passages that their descriptions are cut into."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from pydantic import ValidationError

from app.domain.recommendation.credentials import PASSAGE_CHARACTERS, CredentialBody, passages
from app.domain.text import sentences
from tests.bank import credential
from tests.domain.builders import awkward_texts, quick

_CREDENTIAL = credential("Soil", "soil", "About soil.").model_dump()


@quick
@given(awkward_texts)
def test_every_passage_is_at_its_position(text: str) -> None:
    for span in passages(text):
        assert text[span.start : span.end] == span.text


@quick
@given(awkward_texts)
def test_passages_are_runs_of_whole_sentences_and_leave_none_out(text: str) -> None:
    left = list(sentences(text))
    for passage in passages(text):
        inside = [sentence for sentence in left if sentence.end <= passage.end]
        assert (inside[0].start, inside[-1].end) == (passage.start, passage.end)
        assert len(inside) == 1 or len(passage.text) <= PASSAGE_CHARACTERS
        left = left[len(inside) :]
    assert left == []


@quick
@given(awkward_texts)
def test_passages_are_as_few_as_fit(text: str) -> None:
    ends = {sentence.start: sentence.end for sentence in sentences(text)}
    for passage, following in pairwise(passages(text)):
        assert ends[following.start] - passage.start > PASSAGE_CHARACTERS


def test_a_passage_is_filled_to_the_last_character_and_not_beyond() -> None:
    first, second = "a" * 99 + ".", "b" * (PASSAGE_CHARACTERS - 102) + "."
    assert [span.text for span in passages(f"{first} {second}")] == [f"{first} {second}"]
    assert [span.text for span in passages(f"{first}  {second}")] == [first, second]


def test_a_long_sentence_is_a_passage_of_its_own() -> None:
    long = "word " * 100 + "end."
    assert [span.text for span in passages(f"Short. {long} Short again.")] == ["Short.", long, "Short again."]


def test_a_blank_text_has_no_passages() -> None:
    assert passages(" \r\n ") == ()


@pytest.mark.parametrize(
    "url",
    [
        "https://garden.example",
        "http://garden.example:8080/a?b=c#d",
        "https://[2001:db8::1]/",
        "https://bücher.example/ö",
    ],
)
def test_a_web_address_is_kept_as_written(url: str) -> None:
    assert CredentialBody.model_validate(_CREDENTIAL | {"url": url}).url == url


@pytest.mark.parametrize(
    "url",
    [
        "garden.example",
        "//garden.example/",
        "https://",
        "javascript:alert(1)",
        "data:text/html,x",
        "ftp://garden.example/",
        "https://user@garden.example/",
        "https://user:word@garden.example/",
        "https://:word@garden.example/",
        "https://garden.example:99999/",
        "https://[::1/",
        " https://garden.example/",
        "https://garden.example/a b",
        "https://garden.example/\n",
        "java\tscript:alert(1)",
        "https://garden\u200b.example/",
        "https://garden.example/" + "x" * 2000,
    ],
)
def test_an_address_that_is_not_plain_http_or_https_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        CredentialBody.model_validate(_CREDENTIAL | {"url": url})


@pytest.mark.parametrize(
    "changes",
    [{"title": ""}, {"title": "x" * 301}, {"provider": ""}, {"level": "expert"}, {"description": " "}, {"surprise": 1}],
)
def test_an_invalid_credential_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CredentialBody.model_validate(_CREDENTIAL | changes)
