"""API keys: their form, the stored hash, and the comparison."""

import hmac
import re
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import api_key
from app.domain.api_key import (
    PATTERN,
    SECRET_BYTES,
    InvalidApiKey,
    has_hash,
    hash_of,
    id_in_sub,
    id_of,
    new_key,
    sub_of,
    without_keys,
)

KEY_ID = UUID("4a8a1f6e-58f4-4b0a-9a53-0d7c6f2f1b11")
KEY = "assay_4a8a1f6e-58f4-4b0a-9a53-0d7c6f2f1b11_" + "07" * 32 + "da13dc86"


def test_the_form_of_a_key() -> None:
    assert new_key(KEY_ID, b"\7" * SECRET_BYTES) == KEY
    assert SECRET_BYTES * 8 >= 256
    assert re.fullmatch(PATTERN, KEY)


@given(st.uuids(), st.binary(min_size=SECRET_BYTES, max_size=SECRET_BYTES))
def test_every_key_has_its_id_and_the_form_that_scanners_know(key_id: UUID, secret: bytes) -> None:
    key = new_key(key_id, secret)
    assert id_of(key) == key_id
    assert re.fullmatch(PATTERN, key)


def mutations() -> dict[str, str]:
    """What is nearly a key."""
    other = new_key(uuid4(), b"\7" * SECRET_BYTES)
    return {
        "empty": "",
        "prefix": "assay_",
        "without the secret": KEY[:-73],
        "cut": KEY[:-1],
        "longer": f"{KEY}0",
        "another prefix": KEY.replace("assay_", "essay_"),
        "capitals": KEY.upper(),
        "a capital": KEY[:-1] + KEY[-1].upper() if KEY[-1].isalpha() else KEY.replace("d", "D"),
        "no dashes": KEY.replace("-", ""),
        "line break": f"{KEY}\n",
        "space": f"{KEY} ",
        "digits that are not ASCII": KEY.replace("7", "٧"),
        "one digit changed": KEY.replace("0707", "0708", 1),
        "two digits exchanged": KEY.replace("0707", "7007", 1),
        "another checksum": f"{KEY[:-8]}00000000",
        "the id of another key": other[:42] + KEY[42:],
    }


@pytest.mark.parametrize("name", mutations())
def test_what_is_nearly_a_key_is_refused_without_being_repeated(name: str) -> None:
    text = mutations()[name]
    with pytest.raises(InvalidApiKey) as refusal:
        id_of(text)
    assert "07" * 8 not in str(refusal.value)


def test_a_key_has_its_own_hash_and_no_other() -> None:
    stored = hash_of(KEY)
    assert len(stored) == 32 and KEY.encode() not in stored
    assert has_hash(KEY, stored)
    assert not has_hash(new_key(KEY_ID, b"\x08" * SECRET_BYTES), stored)
    assert not has_hash(KEY, None)


def test_every_comparison_takes_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also with an unknown key, for which there is nothing to compare with."""
    compared: list[tuple[bytes, bytes]] = []

    def compare(first: bytes, second: bytes) -> bool:
        compared.append((first, second))
        return hmac.compare_digest(first, second)

    monkeypatch.setattr(api_key, "hmac", type("hmac", (), {"compare_digest": staticmethod(compare)}))
    stored = hash_of(KEY)
    assert [has_hash(KEY, stored), has_hash(KEY, hash_of("x")), has_hash(KEY, None)] == [True, False, False]
    assert len(compared) == 3 and {len(part) for pair in compared for part in pair} == {32}


def test_the_sub_of_a_key_leads_back_to_it() -> None:
    assert sub_of(KEY_ID) == f"key:{KEY_ID}"
    assert id_in_sub(sub_of(KEY_ID)) == KEY_ID
    assert id_in_sub("ada") is None


@pytest.mark.parametrize("text", ["{}", "x {} y", '"{}"', "Bearer {}", "key={}&a=b", "/tracks/{}", "{0}{0}"])
@pytest.mark.parametrize("change", [str, str.upper, lambda key: key[:-30], lambda key: f"{key}00"])
def test_keys_are_cut_out_of_texts_whole(text: str, change: type[str]) -> None:
    cut = without_keys(text.format(change(KEY)))
    assert "07" * 4 not in cut and "[cut]" in cut


def test_other_texts_stay_as_they_are() -> None:
    for text in ("assay_client", "assay_http_request_seconds", f"key:{KEY_ID}", "assay_tests"):
        assert without_keys(text) == text
