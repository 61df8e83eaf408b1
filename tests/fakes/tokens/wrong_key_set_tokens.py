"""Tokens that prove nothing to a server with a set of keys, by kind: mostly confusions of keys and algorithms."""

import hmac
from typing import Any

import orjson
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey

from tests.fakes.tokens.identity_provider import ProviderKey, ec_key, ed_key, encode, encode_part, rsa_key, valid_claims
from tests.fakes.tokens.wrong_tokens import Kind, Signer, headed, with_signature

# Keys that the set has and that may not sign tokens.
ENCRYPTION_KEY = rsa_key("encryption")
SYMMETRIC_KEY = ProviderKey("symmetric", "HS256", b"a symmetric key that was published, alas")


def _hmac_with(secret: bytes, header: dict[str, Any]) -> str:
    signing_input = f"{encode_part({'typ': 'JWT'} | header)}.{encode_part(valid_claims())}"
    return f"{signing_input}.{encode(hmac.digest(secret, signing_input.encode(), 'sha256'))}"


def _public_pem(key: ProviderKey) -> bytes:
    pem: bytes = key.private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return pem


def _with_pss(key: Signer) -> str:
    signing_input = f"{encode_part(key.header({}))}.{encode_part(valid_claims())}"
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), hashes.SHA256().digest_size)
    return f"{signing_input}.{encode(key.private.sign(signing_input.encode(), pss, hashes.SHA256()))}"


def _with_der() -> str:
    """An ECDSA signature in the form of X.509 instead of JOSE."""
    key = ec_key()
    signing_input = f"{encode_part(key.header({}))}.{encode_part(valid_claims())}"
    return f"{signing_input}.{encode(key.private.sign(signing_input.encode(), ec.ECDSA(hashes.SHA256())))}"


OF_A_KEY_SET: dict[str, Kind] = {
    "HS256 with the public key": lambda key: _hmac_with(_public_pem(key), {"alg": "HS256", "kid": key.kid}),
    "HS256 as RS256": lambda key: _hmac_with(_public_pem(key), {"alg": "RS256", "kid": key.kid}),
    "HS256 with the key of the set": lambda key: _hmac_with(orjson.dumps(key.public()), {"alg": "HS256"}),
    "HS256 with an empty secret": lambda key: _hmac_with(b"", {"alg": "HS256", "kid": key.kid}),
    "the symmetric key of the set": lambda _: SYMMETRIC_KEY.sign(valid_claims()),
    "the symmetric key as RS256": lambda _: SYMMETRIC_KEY.sign(valid_claims(), {"alg": "RS256"}),
    "the key for encryption": lambda _: ENCRYPTION_KEY.sign(valid_claims()),
    "the key for encryption under another kid": lambda key: ENCRYPTION_KEY.sign(valid_claims(), {"kid": key.kid}),
    "PSS as RS256": _with_pss,
    "PS256": lambda key: headed(alg="PS256")(key),
    "ES256 with the kid of an RSA key": lambda key: ec_key().sign(valid_claims(), {"kid": key.kid}),
    "RS256 with the kid of an EC key": lambda key: key.sign(valid_claims(), {"kid": "ec"}),
    "RS256 as ES256": lambda key: key.sign(valid_claims(), {"alg": "ES256"}),
    "ES256 of P-384": lambda _: ec_key("p384", ec.SECP384R1).sign(valid_claims(), {"kid": "ec"}),
    "ES384": lambda _: ec_key("p384", ec.SECP384R1).sign(valid_claims(), {"kid": "ec", "alg": "ES384"}),
    "ES256 of secp256k1": lambda _: ec_key("k1", ec.SECP256K1).sign(valid_claims(), {"kid": "ec"}),
    "ES256 in DER": lambda _: _with_der(),
    "ES256 of zeros": lambda _: with_signature(ec_key().sign(valid_claims()), bytes(64)),
    "ES256 of another key": lambda _: ec_key("other").sign(valid_claims(), {"kid": "ec"}),
    "EdDSA of Ed448": lambda _: ed_key("ed448", Ed448PrivateKey).sign(valid_claims(), {"kid": "ed"}),
    "EdDSA of zeros": lambda _: with_signature(ed_key().sign(valid_claims()), bytes(64)),
    "EdDSA of another key": lambda _: ed_key("other").sign(valid_claims(), {"kid": "ed"}),
    "EdDSA with another name": lambda _: ed_key().sign(valid_claims(), {"alg": "Ed25519"}),
    "no kid, several keys": headed(kid=None),
    "kid unknown": headed(kid="unknown"),
    "kid empty": headed(kid=""),
    "kid in upper case": lambda key: headed(kid=(key.kid or "").upper())(key),
    "kid a path": headed(kid="../../../../etc/passwd"),
    "kid /dev/null": headed(kid="/dev/null"),
    "kid an address": headed(kid="https://elsewhere.example/jwks"),
    "kid SQL": headed(kid="' UNION SELECT 'secret"),
    "kid NUL": headed(kid="rsa\x00"),
    "kid 5 KB": headed(kid="a" * 5000),
    "kid a number": headed(kid=1),
    "kid a list": lambda key: headed(kid=[key.kid])(key),
    "kid an object": headed(kid={}),
    "kid false": headed(kid=False),
}  # fmt: skip


def key_set_signer() -> Signer:
    """The signer of a server whose key set is `key_set()`."""
    key = rsa_key()
    return Signer(key.kid, key.algorithm, key.private)


def key_set() -> list[dict[str, Any]]:
    """A key of each type, and two that sign nothing."""
    symmetric = {"kty": "oct", "kid": SYMMETRIC_KEY.kid, "k": encode(SYMMETRIC_KEY.private)}
    return [
        symmetric,
        ENCRYPTION_KEY.public(use="enc"),
        *(key.public() for key in (rsa_key(), ec_key(), ed_key())),
    ]
