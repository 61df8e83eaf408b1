"""Which keys of a JWK set are used, and for which algorithm."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey

from app.clients.jwks.key_set import KeySet, read_key_set
from tests.fakes.tokens.identity_provider import ProviderKey, ec_key, ed_key, rsa_key

RSA, EC, ED = rsa_key().public(), ec_key().public(), ed_key().public()


def read(*members: Any) -> KeySet:
    return read_key_set(members, "application/json")


def test_each_type_of_key_has_one_algorithm() -> None:
    keys = read(RSA, EC, ED)
    assert [(key.kid, key.algorithm) for key in keys.keys] == [("rsa", "RS256"), ("ec", "ES256"), ("ed", "EdDSA")]
    assert keys.remarks == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"use": "sig"},
        {"alg": "RS256"},
        {"key_ops": ["verify"]},
        {"key_ops": ["sign", "verify"]},
        {"x5t": "abc", "x5c": ["abc"], "unheard": {"of": 1}},
        {"kid": ""},
    ],
)
def test_a_key_for_signatures_is_used(changes: dict[str, Any]) -> None:
    assert len(read(RSA | changes).keys) == 1


UNUSABLE: dict[str, Any] = {
    "symmetric": {"kty": "oct", "k": "c2VjcmV0", "kid": "oct"},
    "symmetric as RSA": RSA | {"k": "c2VjcmV0"},
    "for encryption": RSA | {"use": "enc"},
    "use list": RSA | {"use": ["sig"]},
    "operations without verify": RSA | {"key_ops": ["encrypt"]},
    "operations a text": RSA | {"key_ops": "verify"},
    "PS256": RSA | {"alg": "PS256"},
    "RS512": RSA | {"alg": "RS512"},
    "RSA for HS256": RSA | {"alg": "HS256"},
    "RSA for ES256": RSA | {"alg": "ES256"},
    "RSA-OAEP": RSA | {"alg": "RSA-OAEP"},
    "alg list": RSA | {"alg": ["RS256"]},
    "1024 bits": rsa_key("small", 1024).public(),
    "16384 bits": RSA | {"n": "_" * 2730},
    "P-384": ec_key("p384", ec.SECP384R1).public(alg=None),
    "P-521": ec_key("p521", ec.SECP521R1).public(),
    "secp256k1": ec_key("k1", ec.SECP256K1).public(),
    "Ed448": ed_key("ed448", Ed448PrivateKey).public(),
    "X25519": ED | {"crv": "X25519"},
    "private": RSA | {"d": "AQAB"},
    "kid number": RSA | {"kid": 7},
    "kid list": RSA | {"kid": ["rsa"]},
    "kid long": RSA | {"kid": "a" * 257},
    "no kty": {"kid": "rsa"},
    "kty list": RSA | {"kty": ["RSA"]},
    "kty lower case": RSA | {"kty": "rsa"},
    "no modulus": {name: value for name, value in RSA.items() if name != "n"},
    "modulus number": RSA | {"n": 7},
    "modulus list": RSA | {"n": [1]},
    "modulus empty": RSA | {"n": ""},
    "modulus not base64": RSA | {"n": "!!!"},
    "exponent even": RSA | {"e": "Ag"},
    "not on the curve": EC | {"x": EC["y"], "y": EC["x"]},
    "short coordinate": EC | {"x": "AQAB"},
    "no coordinate": {name: value for name, value in EC.items() if name != "y"},
    "Ed25519 too short": ED | {"x": "AQAB"},
    "null": None,
    "text": "RSA",
    "list": [RSA],
    "empty": {},
}  # fmt: skip


@pytest.mark.parametrize("kind", UNUSABLE)
def test_any_other_key_is_ignored_with_a_remark(kind: str) -> None:
    keys = read(UNUSABLE[kind], EC)
    assert [key.kid for key in keys.keys] == ["ec"]
    [remark] = keys.remarks
    assert "is ignored: " in remark and len(remark) < 400
    # What is refused may be a secret.
    assert "c2VjcmV0" not in remark


def test_keys_that_share_a_kid_are_all_found() -> None:
    keys = read(RSA | {"kid": "a"}, EC | {"kid": "a"}, ED)
    assert [key.algorithm for key in keys.find("a")] == ["RS256", "ES256"]
    assert keys.remarks == ("2 keys have the kid 'a'; each is tried",)
    assert keys.find("b") == keys.find(None) == []


def test_the_only_key_needs_no_kid() -> None:
    for keys in (read(rsa_key(None).public()), read(rsa_key(None).public(), UNUSABLE["symmetric"])):
        assert keys.find(None) == keys.find("any") == list(keys.keys) != []
    named = read(RSA)
    assert named.find(None) == list(named.keys) and named.find("any") == []
    several = read(rsa_key(None).public(), EC)
    assert several.find(None) == several.find("any") == [] and "never used beside others" in several.remarks[0]


def test_the_number_of_keys_and_remarks_is_limited() -> None:
    keys = read(*[RSA | {"kid": f"{n}"} for n in range(1000)])
    assert len(keys.keys) == 64 and keys.remarks == ("only its first 64 keys are read",)
    assert len(read(*[{}] * 1000).remarks) == 20


def test_a_key_that_was_replaced_makes_another_set() -> None:
    other = ProviderKey("rsa", "RS256", rsa_key("other").private)
    assert read(RSA) == read(dict(RSA)) != read(other.public())


def test_another_media_type_is_remarked() -> None:
    assert read_key_set([RSA], "application/jwk-set+json").remarks == ()
    [remark] = read_key_set([RSA], "text/html").remarks
    assert "text/html" in remark
