"""Tokens that prove nothing, by kind: each is wrong in one way, and as good as possible in all others."""

import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from tests.fakes.tokens.identity_provider import (
    ISSUER,
    ProviderKey,
    encode,
    encode_part,
    rsa_key,
    valid_claims,
)

NOW = int(time.time())
# The tokens are made when the tests are collected and sent when it is their turn, which may be an hour later: what is
# not valid yet must not have become valid by then.
DAY = 86_400


@dataclass(frozen=True)
class Signer(ProviderKey):
    """A key that the server trusts, with parts of its tokens that are not what they should be."""

    def parts(self, header: str, claims: str) -> str:
        """A token of these encoded parts with a good signature."""
        return f"{header}.{claims}.{encode(self.signature(f'{header}.{claims}'))}"

    def claims(self, raw: bytes) -> str:
        """A token with this payload."""
        return self.parts(encode_part(self.header({})), encode(raw))

    def head(self, raw: bytes) -> str:
        """A token with this header."""
        return self.parts(encode(raw), encode_part(valid_claims()))

    @property
    def good(self) -> list[str]:
        """The parts of a good token."""
        return self.sign(valid_claims()).split(".")


Kind = Callable[[Signer], str]


def _with_claim(text: str) -> Kind:
    """A payload with this text in the place of `exp`'s value."""
    claims = orjson.dumps(valid_claims(exp=0)).decode()
    return lambda key: key.claims(claims.replace('"exp":0', f'"exp":{text}').encode())


def _changed(**claims: Any) -> Kind:
    return lambda key: key.sign(valid_claims(**claims))


def headed(**header: Any) -> Kind:
    """A good token but for these members of its header."""
    return lambda key: key.sign(valid_claims(), header)


def _same_bits(key: Signer) -> str:
    """A signature whose last character has other bits that no byte contains."""
    *signed, signature = key.good
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return ".".join([*signed, signature[:-1] + alphabet[alphabet.index(signature[-1]) ^ 1]])


FORM: dict[str, Kind] = {
    "empty parts": lambda _: "..",
    "not base64url of JSON": lambda _: "a.b.c",
    "two parts": lambda key: ".".join(key.good[:2]),
    "four parts": lambda key: ".".join([*key.good, "e30"]),
    "encrypted (five parts)": lambda key: ".".join([encode_part({"alg": "RSA-OAEP", "enc": "A256GCM"}), *"abcd"]),
    "no header": lambda key: ".".join(["", *key.good[1:]]),
    "no payload": lambda key: key.parts(key.good[0], ""),
    "no signature": lambda key: ".".join([*key.good[:2], ""]),
    "space inside": lambda key: key.good[0] + ". " + ".".join(key.good[1:]),
    "tab inside": lambda key: key.good[0] + "\t." + ".".join(key.good[1:]),
    "not ASCII": lambda key: ".".join([key.good[0], "é", key.good[2]]),
    "full-width characters": lambda key: ".".join(key.good).replace("e", "ｅ"),
    "padded payload": lambda key: key.parts(key.good[0], encode_part(valid_claims(sub="abc")) + "="),
    "padded signature": lambda key: ".".join(key.good) + "==",
    "base64 with + and /": lambda key: key.parts(key.good[0], b64encode(b'{"\xc3\xbf\xc3\xbf":"???>>>"}').decode()),
    "other unused bits": _same_bits,
    "header no JSON": lambda key: key.head(b"alg: HS256"),
    "header a list": lambda key: key.head(b"[]"),
    "header a number": lambda key: key.head(b"1"),
    "header in UTF-16": lambda key: key.head(orjson.dumps(key.header({})).decode().encode("utf-16")),
    "header nested": lambda key: key.head(b"[" * 2000),
    "header with alg twice": lambda key: key.head(orjson.dumps(key.header({}))[:-1] + b',"alg":"none"}'),
    "payload no JSON": lambda key: key.claims(b"sub=student-1"),
    "payload a list": lambda key: key.claims(b"[1]"),
    "payload a text": lambda key: key.claims(b'"admin"'),
    "payload null": lambda key: key.claims(b"null"),
    "payload another token": lambda key: key.claims(".".join(key.good).encode()),
    "payload not UTF-8": lambda key: key.claims(b'{"sub":"\xff"}'),
    "payload with a byte order mark": lambda key: key.claims(b"\xef\xbb\xbf" + orjson.dumps(valid_claims())),
    "payload nested": lambda key: key.claims(b'{"a":' + b"[" * 2500 + b"]" * 2500 + b"}"),
    "sub twice": lambda key: key.claims(orjson.dumps(valid_claims())[:-1] + b',"sub":"student-2"}'),
    "roles twice": lambda key: key.claims(orjson.dumps(valid_claims())[:-1] + b',"roles":["admin"]}'),
    "duplicate inside": lambda key: key.claims(orjson.dumps(valid_claims())[:-1] + b',"x":{"a":1,"a":2}}'),
    "8 KB of one part": lambda _: "a" * 8000,
    "8 KB with a wrong signature": lambda key: with_signature(key.sign(valid_claims(more="a" * 5300)), b"x" * 256),
}

ALGORITHM: dict[str, Kind] = {
    "none": lambda key: f"{encode_part({'alg': 'none'})}.{encode_part(valid_claims())}.",
    "none with a signature": headed(alg="none"),
    "None": headed(alg="None"),
    "nOnE without a signature": lambda key: f"{encode_part({'alg': 'nOnE'})}.{encode_part(valid_claims())}.",
    "no algorithm": headed(alg=None),
    "algorithm empty": headed(alg=""),
    "algorithm a list": lambda key: headed(alg=[key.algorithm])(key),
    "algorithm a number": headed(alg=1),
    "algorithm an object": headed(alg={}),
    "algorithm in lower case": lambda key: headed(alg=key.algorithm.lower())(key),
    "algorithm of SHA-384": lambda key: headed(alg=key.algorithm[:2] + "384")(key),
    "algorithm of SHA-512": lambda key: headed(alg=key.algorithm[:2] + "512")(key),
    "algorithm unheard of": headed(alg="XS256"),
}

HEADER: dict[str, Kind] = {
    "critical extension": headed(crit=["exp2"], exp2=1),
    "critical b64": headed(crit=["b64"], b64=True),
    "critical empty": headed(crit=[]),
    "critical no list": headed(crit="exp"),
    "b64 false": lambda key: key.parts(encode_part(key.header({"b64": False, "crit": ["b64"]})), "x"),
    "b64 false, not critical": headed(b64=False),
    "b64 a number": headed(b64=0),
    "typ of a logout": headed(typ="logout+jwt"),
    "typ of a proof": headed(typ="dpop+jwt"),
    "typ of an encryption": headed(typ="JWE"),
    "typ a number": headed(typ=1),
    "typ a list": headed(typ=["JWT"]),
    "typ empty": headed(typ=""),
}

SIGNATURE: dict[str, Kind] = {
    "cut": lambda key: ".".join(key.good)[:-4],
    "longer": lambda key: ".".join(key.good) + "AAAA",
    "zeros": lambda key: with_signature(".".join(key.good), bytes(len(key.signature("")))),
    "other claims": lambda key: ".".join([key.good[0], encode_part(valid_claims(roles=["admin"])), key.good[2]]),
    "other header": lambda key: ".".join([encode_part(key.header({"typ": "at+jwt"})), *key.good[1:]]),
    "of another key": lambda key: _other(key).sign(valid_claims(), {"kid": key.kid}),
    "of the key in its header": lambda key: _other(key).sign(
        valid_claims(), {"kid": key.kid, "jwk": rsa_key("other").public()}
    ),
    "of the key at its jku": lambda key: _other(key).sign(
        valid_claims(), {"kid": key.kid, "jku": "https://elsewhere.example/jwks"}
    ),
    "of the certificate at its x5u": lambda key: _other(key).sign(
        valid_claims(), {"kid": key.kid, "x5u": "https://elsewhere.example/cert"}
    ),
    "of the certificate in its header": lambda key: _other(key).sign(valid_claims(), {"kid": key.kid, "x5c": ["MII="]}),
}

CLAIMS: dict[str, Kind] = {
    "none at all": lambda key: key.claims(b"{}"),
    "expired": _changed(exp=NOW - 60),
    "expired long ago": _changed(exp=0),
    "expired before 1970": _changed(exp=-1),
    "exp fraction in the past": _changed(exp=NOW - 60.5),
    "no exp": _changed(exp=None),
    "exp null": _with_claim("null"),
    "exp true": _with_claim("true"),
    "exp false": _with_claim("false"),
    "exp text": _with_claim('"soon"'),
    "exp digits in a text": _with_claim(f'"{NOW + DAY}"'),
    "exp list": _with_claim("[1]"),
    "exp object": _with_claim("{}"),
    "exp NaN": _with_claim("NaN"),
    "exp infinite": _with_claim("Infinity"),
    "exp overflows": _with_claim("1e999"),
    "exp huge": _with_claim("1" + "0" * 300),
    "exp of 5,000 digits": _with_claim("9" * 5000),
    "exp huge float": _with_claim("1e300"),
    "exp in milliseconds": _changed(exp=(NOW + DAY) * 1000),
    "not yet": _changed(nbf=NOW + DAY),
    "nbf null": lambda key: key.claims(orjson.dumps(valid_claims())[:-1] + b',"nbf":null}'),
    "nbf list": _changed(nbf=[]),
    "nbf true": _changed(nbf=True),
    "nbf NaN": lambda key: key.claims(orjson.dumps(valid_claims())[:-1] + b',"nbf":NaN}'),
    "no sub": _changed(sub=None),
    "sub null": lambda key: key.claims(orjson.dumps(valid_claims() | {"sub": None})),
    "sub number": _changed(sub=7),
    "sub list": _changed(sub=["student-1"]),
    "sub object": _changed(sub={}),
    "sub empty": _changed(sub=""),
    "sub NUL": _changed(sub="a\x00b"),
    "sub line break": _changed(sub="a\nb"),
    "sub of another issuer": _changed(sub="student-1\thttps://elsewhere.example"),
    "sub direction mark": _changed(sub="a\u202eb"),
    "sub huge": _changed(sub="a" * 256),
    "sub with a lone surrogate": lambda key: key.claims(
        orjson.dumps(valid_claims(sub="SUB")).replace(b"SUB", b"\\ud800")
    ),
    "sub of an API key": _changed(sub="key:0123"),
    "no iss": _changed(iss=None),
    "iss another": _changed(iss="https://evil.example"),
    "iss longer": _changed(iss=ISSUER + "/"),
    "iss in upper case": _changed(iss=ISSUER.upper()),
    "iss list": _changed(iss=[ISSUER]),
    "iss empty": _changed(iss=""),
    "no aud": _changed(aud=None),
    "aud another": _changed(aud="other"),
    "aud empty": _changed(aud=""),
    "aud empty list": _changed(aud=[]),
    "aud list of others": _changed(aud=["other", "another"]),
    "aud list with a number": _changed(aud=["assay", 1]),
    "aud nested": _changed(aud=[["assay"]]),
    "aud object": _changed(aud={"assay": True}),
    "aud in upper case": _changed(aud="ASSAY"),
    "aud number": _changed(aud=1),
}

OF_ANY_SERVER = FORM | ALGORITHM | HEADER | SIGNATURE | CLAIMS


def with_signature(token: str, signature: bytes) -> str:
    """The token with another signature."""
    return f"{token.rsplit('.', 1)[0]}.{encode(signature)}"


def _other(key: Signer) -> ProviderKey:
    """A key of the same type that the server does not trust."""
    if key.algorithm == "HS256":
        return ProviderKey(key.kid, "HS256", b"another secret of thirty-two bytes and more")
    return rsa_key("other")


def hs256_signer(secret: str) -> Signer:
    """The signer of a server with one secret."""
    return Signer(None, "HS256", secret.encode())
