"""Encryption of webhook secrets in the database."""

import base64
import binascii
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
NONCE_BYTES = 12
# What an encrypted secret begins with; a clear one begins with `whsec_`.
PREFIX = "aes256gcm."


class UnreadableSecret(Exception):
    """A stored secret cannot be decrypted; the message says why and repeats nothing of it."""


class SecretCipher:
    """Encrypts secrets with AES-256-GCM, each for its assessment or its subscription: copied to another one, it cannot
    be read. Without a key, secrets are stored in clear."""

    def __init__(self, key: bytes | None = None) -> None:
        self._aes = _aes(key) if key is not None else None

    @property
    def has_key(self) -> bool:
        """Whether secrets are encrypted."""
        return self._aes is not None

    def encrypt(self, secret: str, receiver: UUID, nonce: bytes) -> str:
        """What is stored of the secret; `nonce` are random bytes that are used only once."""
        if self._aes is None:
            return secret
        encrypted = self._aes.encrypt(nonce, secret.encode(), receiver.bytes)
        return PREFIX + base64.b64encode(nonce + encrypted).decode()

    def decrypt(self, stored: str, receiver: UUID) -> str:
        """The secret; also one that was stored in clear, before there was a key.

        Raises:
            UnreadableSecret: it is encrypted with another key, and not with this one.
        """
        if not is_encrypted(stored):
            return stored
        if self._aes is None:
            raise UnreadableSecret("the secret is encrypted, and SECRETS_KEY is not set")
        from cryptography.exceptions import InvalidTag

        try:
            raw = base64.b64decode(stored.removeprefix(PREFIX), validate=True)
            return self._aes.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], receiver.bytes).decode()
        except (InvalidTag, ValueError, binascii.Error):
            raise UnreadableSecret("the secret is encrypted with another key than SECRETS_KEY") from None


# Without a key.
IN_CLEAR = SecretCipher()


def parse_key(text: str) -> bytes:
    """The 32 bytes of a key in base64, with or without padding, in either alphabet.

    Raises:
        ValueError: it is something else.
    """
    standard = text.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        key = base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise ValueError(f"must be the base64 of {KEY_BYTES} bytes, as `openssl rand -base64 {KEY_BYTES}` makes it")
    return key


def is_encrypted(stored: str) -> bool:
    """Whether a stored secret is encrypted."""
    return stored.startswith(PREFIX)


def _aes(key: bytes) -> "AESGCM":
    # Loading it takes a while, and most processes do without it.
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key)
