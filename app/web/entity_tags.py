"""Entity tags of conditional requests: `If-None-Match` (RFC 9110).

aiohttp's `Request.if_none_match` is not used: it reads only the first of several header lines, and it keeps what it
parsed on the request, where thousands of long polls would hold it while they wait.
"""

import re

from aiohttp import web

_TAG = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\uffff]*")')
_ANY = "*"


def client_has(request: web.Request, tag: str) -> bool:
    """Whether the client has this tag, or has any (`*`)."""
    return not {tag, _ANY}.isdisjoint(_sent_tags(request))


def waits_for_change(request: web.Request, tag: str) -> bool:
    """Whether a long poll has to wait at this tag: the client has just this one, or has named none at all."""
    return tag in _sent_tags(request) or not "".join(_headers(request)).strip()


def _sent_tags(request: web.Request) -> list[str]:
    """The tags for weak comparison, or `*` alone. What is malformed is skipped."""
    headers = _headers(request)
    if any(header.strip() == _ANY for header in headers):
        return [_ANY]
    return _TAG.findall(",".join(headers))


def _headers(request: web.Request) -> list[str]:
    return request.headers.getall("If-None-Match", [])
