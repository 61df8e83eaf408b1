"""Encryption of webhook secrets: with the right key for the right assessment, and nothing else reads them."""

import base64
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.webhook.secret_cipher import (
    IN_CLEAR,
    KEY_BYTES,
    NONCE_BYTES,
    SecretCipher,
    UnreadableSecret,
    is_encrypted,
    parse_key,
)

KEY, OTHER_KEY, NONCE = bytes(range(32)), b"k" * KEY_BYTES, b"n" * NONCE_BYTES
SECRET, ASSESSMENT = "whsec_" + "QUJD" * 8, uuid4()
CIPHER = SecretCipher(KEY)


@given(st.text(st.characters(codec="utf-8")), st.uuids(), st.binary(min_size=NONCE_BYTES, max_size=NONCE_BYTES))
def test_a_secret_comes_back_as_it_was(secret: str, assessment_id: UUID, nonce: bytes) -> None:
    stored = CIPHER.encrypt(secret, assessment_id, nonce)
    assert is_encrypted(stored)
    assert CIPHER.decrypt(stored, assessment_id) == secret


def test_nothing_of_a_secret_is_in_what_is_stored() -> None:
    stored = CIPHER.encrypt(SECRET, ASSESSMENT, NONCE)
    assert SECRET not in stored and SECRET.encode() not in base64.b64decode(stored.split(".")[1])
    assert stored != CIPHER.encrypt(SECRET, ASSESSMENT, b"m" * NONCE_BYTES)


def test_it_is_aes_with_256_bits_in_galois_counter_mode() -> None:
    """As another program would read it, if it has to."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    raw = base64.b64decode(CIPHER.encrypt(SECRET, ASSESSMENT, NONCE).removeprefix("aes256gcm."))
    assert raw[:12] == NONCE
    assert AESGCM(KEY).decrypt(NONCE, raw[12:], ASSESSMENT.bytes) == SECRET.encode()


def unreadable() -> dict[str, tuple[SecretCipher, str, UUID]]:
    """Ciphers with stored secrets that they cannot read."""
    stored = CIPHER.encrypt(SECRET, ASSESSMENT, NONCE)
    raw = bytearray(base64.b64decode(stored.removeprefix("aes256gcm.")))
    raw[-1] ^= 1
    return {
        "another key": (SecretCipher(OTHER_KEY), stored, ASSESSMENT),
        "no key": (IN_CLEAR, stored, ASSESSMENT),
        "of another assessment": (CIPHER, stored, uuid4()),
        "changed": (CIPHER, "aes256gcm." + base64.b64encode(raw).decode(), ASSESSMENT),
        "cut": (CIPHER, stored[:20], ASSESSMENT),
        "only a nonce": (CIPHER, "aes256gcm." + base64.b64encode(NONCE).decode(), ASSESSMENT),
        "nothing": (CIPHER, "aes256gcm.", ASSESSMENT),
        "no base64": (CIPHER, "aes256gcm.é!", ASSESSMENT),
    }


@pytest.mark.parametrize("name", unreadable())
def test_what_cannot_be_read_is_said_without_repeating_it(name: str) -> None:
    cipher, stored, assessment_id = unreadable()[name]
    with pytest.raises(UnreadableSecret, match="SECRETS_KEY") as refusal:
        cipher.decrypt(stored, assessment_id)
    assert stored[10:] not in str(refusal.value) or not stored[10:]


def test_a_secret_in_clear_is_read_with_and_without_a_key() -> None:
    assert IN_CLEAR.encrypt(SECRET, ASSESSMENT, NONCE) == SECRET and not is_encrypted(SECRET)
    assert [cipher.decrypt(SECRET, ASSESSMENT) for cipher in (IN_CLEAR, CIPHER)] == [SECRET, SECRET]


@pytest.mark.parametrize("key", [KEY, OTHER_KEY, b"\xff" * KEY_BYTES, bytes(KEY_BYTES)])
def test_a_key_is_the_base64_of_32_bytes(key: bytes) -> None:
    for text in (base64.b64encode(key), base64.urlsafe_b64encode(key)):
        assert parse_key(text.decode()) == parse_key(text.decode().rstrip("=")) == key


@pytest.mark.parametrize("text", ["", "x", "A" * 42, "A" * 44, "A" * 64, "0" * 32, "é" * 43, "A" * 20 + "!" + "A" * 22])
def test_other_keys_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="base64 of 32 bytes"):
        parse_key(text)
