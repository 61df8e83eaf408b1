"""API keys: their form, the hash that is stored of them, and the check of one against its hash.

A key is `assay_<id>_<secret>`. The id says where to look; the secret is 256 random bits and a checksum, in hex.
"""

import hashlib
import hmac
import re
import zlib
from uuid import UUID

# Secret scanners find keys by this pattern; the checksum tells them from what only looks like one.
PATTERN = r"assay_[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}_[0-9a-f]{72}"
PREFIX = "assay_"
SECRET_BYTES = 32
# `sub` of a caller with a key; no token may have one that begins so.
SUB_PREFIX = "key:"

_KEY = re.compile(PATTERN)
_CHECKSUM_CHARACTERS = 8
# Also a key that was cut, lengthened or written in capitals.
_LOOKS_LIKE_KEY = re.compile(r"assay_[0-9a-f-]{36}_[\w-]*", re.IGNORECASE)
_CUT = "[cut]"
# Stands for the hash of a key that does not exist, so that it is compared like any other. No text has it as its hash.
_NO_HASH = bytes(hashlib.sha256().digest_size)


class InvalidApiKey(ValueError):
    """The text has not the form of a key; the error does not repeat it."""


def new_key(key_id: UUID, random_bytes: bytes) -> str:
    """The key with this id and a secret made of random bytes."""
    body = f"{PREFIX}{key_id}_{random_bytes.hex()}"
    return body + _checksum(body)


def id_of(key: str) -> UUID:
    """The id in a key; whether the secret is right is another question.

    Raises:
        InvalidApiKey: the text has another form, or its checksum is wrong.
    """
    if not _KEY.fullmatch(key):
        raise InvalidApiKey("the form of the API key is wrong")
    if _checksum(key[:-_CHECKSUM_CHARACTERS]) != key[-_CHECKSUM_CHARACTERS:]:
        raise InvalidApiKey("the checksum of the API key is wrong")
    return UUID(key.split("_")[1])


def hash_of(key: str) -> bytes:
    """What is stored of a key.

    SHA-256 once, without salt: slow and salted hashes make up for secrets that can be guessed. Nobody guesses 256
    random bits, and a slow hash would only make each request slow.
    """
    return hashlib.sha256(key.encode()).digest()


def has_hash(key: str, stored: bytes | None) -> bool:
    """Whether this is the key with the stored hash, in constant time; None, for an unknown id, takes as long."""
    return hmac.compare_digest(hash_of(key), _NO_HASH if stored is None else stored)


def sub_of(key_id: UUID) -> str:
    """The `sub` of callers with this key."""
    return f"{SUB_PREFIX}{key_id}"


def id_in_sub(sub: str) -> UUID | None:
    """The id of the key whose callers have this `sub`; None for the `sub` of a token."""
    return UUID(sub.removeprefix(SUB_PREFIX)) if sub.startswith(SUB_PREFIX) else None


def without_keys(text: str) -> str:
    """The text with everything that looks like a key cut out."""
    return _LOOKS_LIKE_KEY.sub(_CUT, text)


def _checksum(body: str) -> str:
    return f"{zlib.crc32(body.encode()):0{_CHECKSUM_CHARACTERS}x}"
