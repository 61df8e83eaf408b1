"""Texts that stand encoded in another text."""

import base64
import binascii
import html
import re
from collections.abc import Callable, Iterator
from urllib.parse import unquote

# Shorter ones hide no more than a word. With the words around it, an encoded text in groups decodes to something else,
# so that its lone tokens are tried too.
_BASE64 = (re.compile(r"[A-Za-z0-9+/_-]{16,}"), re.compile(r"[A-Za-z0-9+/_-](?:\s?[A-Za-z0-9+/_-]){15,}"))
_BASE32 = (re.compile(r"[A-Za-z2-7]{16,}"), re.compile(r"[A-Za-z2-7](?:\s?[A-Za-z2-7]){15,}"))
_HEX = re.compile(r"(?:0x|\\x)?[0-9A-Fa-f]{2}(?:[\s:,;-]*(?:0x|\\x)?[0-9A-Fa-f]{2}){7,}")
_DECIMAL = re.compile(r"\d{2,6}(?:[\s,;-]+\d{2,6}){7,}")
_BINARY = re.compile(r"[01]{7,8}(?:\s*[01]{7,8}){3,}")
# The least share of bytes that are characters in what was a text before it was encoded.
_TEXT_SHARE = 0.9
_ESCAPE = re.compile(r"\\(?:u\{?([0-9A-Fa-f]{4,6})\}?|x([0-9A-Fa-f]{2}))")


def decodings(text: str) -> Iterator[str]:
    """The text with its escapes resolved, where it has some, and the texts that stand in it as base64, base32,
    hexadecimal, binary or decimal codes."""
    unescaped = (
        html.unescape(text),
        unquote(text, errors="replace"),
        _ESCAPE.sub(lambda escape: _character(int(escape[1] or escape[2], 16)), text),
    )
    yield from (other for other in unescaped if other != text)
    decoders: tuple[tuple[re.Pattern[str], Callable[[str], str]], ...] = (
        *((pattern, _from_base64) for pattern in _BASE64),
        *((pattern, _from_base32) for pattern in _BASE32),
        (_HEX, _from_hex),
        (_DECIMAL, lambda run: "".join(_character(int(code)) for code in re.findall(r"\d+", run))),
        (_BINARY, lambda run: "".join(_character(int(code, 2)) for code in re.findall(r"[01]{7,8}", run))),
    )
    for pattern, decode in decoders:
        decoded = " ".join(filter(None, map(decode, pattern.findall(text))))
        if decoded:
            yield decoded


def _from_base64(run: str) -> str:
    plain = "".join(run.split()).replace("-", "+").replace("_", "/")
    return _text(lambda: base64.b64decode(_padded(plain, 4)))


def _from_base32(run: str) -> str:
    return _text(lambda: base64.b32decode(_padded("".join(run.split()).upper(), 8)))


def _from_hex(run: str) -> str:
    digits = re.sub(r"0x|\\x|[^0-9A-Fa-f]", "", run)
    return _text(lambda: bytes.fromhex(digits[: len(digits) // 2 * 2]))


def _padded(text: str, size: int) -> str:
    return text + "=" * (-len(text) % size)


def _text(decode: Callable[[], bytes]) -> str:
    """The decoded text; empty if it is none."""
    try:
        code = decode()
    except (binascii.Error, ValueError):
        return ""
    text = code.decode("utf-8", "ignore")
    # What is no text decodes to bytes that are no characters. The last one of a text may have been cut off.
    return text if len(text.encode()) >= _TEXT_SHARE * len(code) else ""


def _character(code: int) -> str:
    return chr(code) if 32 <= code < 0x110000 and not 0xD800 <= code < 0xE000 else " "
