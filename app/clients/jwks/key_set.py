"""The keys of a JWK set that may sign tokens: one algorithm for each type of key, whatever a token says."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import jwt

# The algorithm of each type of key, by `kty` and `crv`. Keys of other types, such as symmetric ones, sign nothing.
_ALGORITHMS = {("RSA", None): "RS256", ("EC", "P-256"): "ES256", ("OKP", "Ed25519"): "EdDSA"}
ALGORITHMS = frozenset(_ALGORITHMS.values())
# RFC 7518 asks for 2048 bits or more; each use of a much longer key would take milliseconds.
_RSA_BITS = range(2048, 8193)
# A `kid` may be shared, and then all keys that have it are tried.
_MAX_KEYS = 64
_MAX_REMARKS = 20
_KID_CHARACTERS = 256
# Members that only a private key has.
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_JSON_TYPES = ("application/json", "+json")


@dataclass(frozen=True)
class SigningKey:
    """A public key with its `kid`, and the one algorithm that it is used with."""

    kid: str | None
    algorithm: str
    jwk: jwt.PyJWK = field(compare=False, repr=False)
    # The key as the provider has published it, which tells whether it was replaced under the same `kid`.
    member: dict[str, Any] = field(repr=False)

    def __str__(self) -> str:
        return f"{self.kid!r} ({self.algorithm})" if self.kid is not None else f"one without kid ({self.algorithm})"


@dataclass(frozen=True)
class KeySet:
    """The usable keys of a set, and remarks on what is wrong with it: keys that are ignored, a `kid` that is shared."""

    keys: tuple[SigningKey, ...]
    remarks: tuple[str, ...] = ()

    def find(self, kid: str | None) -> list[SigningKey]:
        """The keys that a token with this `kid` names. Without one, and for a key without one, it is the only key."""
        named = [key for key in self.keys if key.kid == kid] if kid is not None else []
        if named or len(self.keys) != 1:
            return named
        return list(self.keys) if kid is None or self.keys[0].kid is None else []


class _Unusable(Exception):
    """The message says why a key is ignored."""


def read_key_set(members: Sequence[object], media_type: str) -> KeySet:
    """The set with these members, which came as this type of media. What cannot be used is left out, with a remark."""
    keys, remarks = [], []
    if not media_type.endswith(_JSON_TYPES):
        remarks.append(f"it came as {media_type[:100]!r}, which is no type of JSON")
    for position, member in enumerate(members[:_MAX_KEYS], 1):
        try:
            keys.append(_read_key(member))
        except _Unusable as reason:
            remarks.append(f"key {_name(member, position)} is ignored: {reason}")
    if len(members) > _MAX_KEYS:
        remarks.append(f"only its first {_MAX_KEYS} keys are read")
    shared = Counter(key.kid for key in keys if key.kid is not None)
    remarks += [f"{count} keys have the kid {kid!r}; each is tried" for kid, count in shared.items() if count > 1]
    if len(keys) > 1 and any(key.kid is None for key in keys):
        remarks.append("a key without kid is never used beside others")
    return KeySet(tuple(keys), tuple(remarks[:_MAX_REMARKS]))


def _read_key(member: object) -> SigningKey:
    if not isinstance(member, dict):
        raise _Unusable("it is no object")
    kind = (member.get("kty"), member.get("crv"))
    algorithm = next((name for known, name in _ALGORITHMS.items() if kind == known), None)
    if algorithm is None:
        raise _Unusable("it is not of type RSA, EC P-256 or OKP Ed25519")
    _check_purpose(member, algorithm)
    kid = member.get("kid")
    if kid is not None and not (isinstance(kid, str) and len(kid) <= _KID_CHARACTERS):
        raise _Unusable(f"its `kid` is no text of up to {_KID_CHARACTERS} characters")
    try:
        jwk = jwt.PyJWK(member, algorithm)
    except Exception:  # the library raises errors of many types, some of which repeat the key
        raise _Unusable("its numbers are missing or no key") from None
    if algorithm == "RS256" and jwk.key.key_size not in _RSA_BITS:
        raise _Unusable(f"it has {jwk.key.key_size} bits; {_RSA_BITS[0]} to {_RSA_BITS[-1]} are accepted")
    return SigningKey(kid, algorithm, jwk, member)


def _check_purpose(member: dict[str, Any], algorithm: str) -> None:
    """Returns if the provider means the key for signatures that others verify by this algorithm."""
    if not _PRIVATE.isdisjoint(member):
        raise _Unusable("its private part was published with it")
    if member.get("use", "sig") != "sig":
        raise _Unusable("its `use` is not sig")
    operations = member.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        raise _Unusable("its `key_ops` do not have verify")
    if member.get("alg", algorithm) != algorithm:
        raise _Unusable(f"its `alg` is not {algorithm}")


def _name(member: object, position: int) -> str:
    kid = member.get("kid") if isinstance(member, dict) else None
    return repr(kid[:_KID_CHARACTERS]) if isinstance(kid, str) else f"number {position}"
