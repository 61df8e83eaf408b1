"""Forms: their fields, and the checks that they were sent from a page of the same session."""

import asyncio
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import parse_qsl, urlsplit

import structlog
from aiohttp import BodyPartReader, web
from multidict import MultiDict, MultiDictProxy

from app.domain.errors import FieldError, InvalidFields
from app.domain.text import storable
from app.http.app_keys import PUBLIC_URL, SESSION
from app.http.problems import BAD_FORM, MALFORMED, REQUEST_TIMEOUT, TOO_LARGE, WRONG_MEDIA, RequestProblem
from app.http.server_connections import read_body
from app.http.sessions import cookie_name, set_cookie

log = structlog.get_logger()

Form = MultiDictProxy[str]


@dataclass(frozen=True)
class UploadedFile:
    """The name of a file on the computer of who has sent it, and what is in it."""

    name: str
    content: bytes


_FORM = web.RequestKey[Form]("form")
_FILES = web.RequestKey[Mapping[str, UploadedFile]]("files")
# Binds forms to a browser that has no session yet.
_VISITOR = "assay-visitor"
_NEW_VISITOR = web.RequestKey[str]("new_visitor")
_MAX_FIELDS = 2_000
# Seconds for a form with a file to arrive; less than a request may take.
_FILE_SECONDS = 15
CSRF_FIELD = "csrf"
_CSRF_HEADER = "X-CSRF-Token"


async def read_form(request: web.Request) -> Form:
    """The fields of the request's form, with line feeds as line ends (browsers send CRLF).

    Raises:
        RequestProblem: it is not a form, or cannot be read.
        InvalidFields: a text in it cannot be stored.
    """
    if _FORM in request:
        return request[_FORM]
    match request.content_type:
        case "application/x-www-form-urlencoded":
            fields = _parse(await read_body(request))
        case "multipart/form-data":
            fields, request[_FILES] = await _parse_multipart(request)
        case _:
            raise RequestProblem(WRONG_MEDIA, "send a form")
    texts = [*fields, *((name, file.name) for name, file in request.get(_FILES, {}).items())]
    bad = [name for name, text in texts if not storable(name) or not storable(text)]
    if bad:
        raise InvalidFields([FieldError(f"/{name if storable(name) else ''}", "has a NUL") for name in bad])
    request[_FORM] = MultiDictProxy(MultiDict((name, text.replace("\r\n", "\n")) for name, text in fields))
    return request[_FORM]


async def read_file(request: web.Request, name: str) -> UploadedFile | None:
    """The file that was chosen in the field of this name, or None.

    Raises:
        RequestProblem, InvalidFields: as `read_form`.
    """
    await read_form(request)
    file = request.get(_FILES, {}).get(name)
    return file if file and file.name else None


def csrf_token(request: web.Request) -> str:
    """The token that forms of this browser carry. It follows from the id of the session, or before one, of a cookie of
    its own, and tells nobody that id."""
    return _token_of(request.get(SESSION) or _visitor(request))


def remember_visitor(request: web.Request, response: web.StreamResponse) -> None:
    """Gives the browser the cookie that a form without a session is bound to, if the page has such a form."""
    if _NEW_VISITOR in request:
        set_cookie(request, response, _VISITOR, request[_NEW_VISITOR], None)


async def check_form(request: web.Request) -> None:
    """Checks that the form was sent by a page of this session.

    Raises:
        RequestProblem: it was not, or it cannot be read.
    """
    check_origin(request)
    sent = request.headers.get(_CSRF_HEADER) or (await read_form(request)).get(CSRF_FIELD) or ""
    bound_to = request.get(SESSION) or request.cookies.get(cookie_name(request, _VISITOR))
    # Of a header come surrogates where it is not UTF-8.
    if not bound_to or not hmac.compare_digest(sent.encode(errors="replace"), _token_of(bound_to).encode()):
        log.info("form_refused", reason="its token is not the one of the session")
        raise RequestProblem(BAD_FORM, "the form is too old or belongs to another session; load the page again")


def check_origin(request: web.Request) -> None:
    """Checks that no page of another site has sent the form.

    Raises:
        RequestProblem: one has.
    """
    origin = request.headers.get("Origin")
    if origin is not None and not _is_own(request, origin):
        log.info("form_refused", reason="it comes from another origin")
        raise RequestProblem(BAD_FORM, "the form was sent from a page of another site")


def field_errors(error: InvalidFields) -> Mapping[str, str]:
    """What is wrong, by the JSON pointer of each field."""
    return {invalid.pointer: invalid.detail for invalid in error.errors}


def _visitor(request: web.Request) -> str:
    known = request.cookies.get(cookie_name(request, _VISITOR))
    if known:
        return known
    if _NEW_VISITOR not in request:
        request[_NEW_VISITOR] = secrets.token_urlsafe(32)
    return request[_NEW_VISITOR]


def _token_of(secret: str) -> str:
    return hmac.new(secret.encode(errors="surrogateescape"), b"csrf", sha256).hexdigest()


def _is_own(request: web.Request, origin: str) -> bool:
    """Whether the origin is the one under which the browser knows this server. The scheme is not compared where
    PUBLIC_URL is not set: a proxy may have taken https off."""
    public_url = request.app[PUBLIC_URL]
    if public_url:
        own = urlsplit(public_url)
        if origin == f"{own.scheme}://{own.netloc}":
            return True
    try:
        return urlsplit(origin).netloc == request.host
    except ValueError:
        return False


def _parse(body: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            body.decode("utf-8"), keep_blank_values=True, encoding="utf-8", errors="strict", max_num_fields=_MAX_FIELDS
        )
    except ValueError:
        raise RequestProblem(MALFORMED, f"a form has at most {_MAX_FIELDS} fields, in UTF-8") from None


async def _parse_multipart(request: web.Request) -> tuple[list[tuple[str, str]], Mapping[str, UploadedFile]]:
    try:
        async with asyncio.timeout(_FILE_SECONDS):
            return await _read_parts(request)
    except TimeoutError:
        raise RequestProblem(REQUEST_TIMEOUT, f"the form did not arrive within {_FILE_SECONDS} s") from None
    except web.HTTPRequestEntityTooLarge:
        raise RequestProblem(TOO_LARGE, "send at most 1 MiB") from None
    except Exception as error:
        # The parser raises whatever it stumbles over, and ConnectionError where the client has gone, which would count
        # as an unavailable database.
        log.info("form_unreadable", reason=type(error).__name__)
        raise RequestProblem(MALFORMED, f"the form cannot be read, or has more than {_MAX_FIELDS} fields") from None


async def _read_parts(request: web.Request) -> tuple[list[tuple[str, str]], Mapping[str, UploadedFile]]:
    """The fields and the files. What a part says of its encoding does not count: browsers send UTF-8, and bytes as they
    are."""
    fields: list[tuple[str, str]] = []
    files: dict[str, UploadedFile] = {}
    parts, count = await request.multipart(), 0
    while (part := await parts.next()) is not None:
        count += 1
        if not isinstance(part, BodyPartReader) or part.name is None or count > _MAX_FIELDS:
            raise ValueError("no part of a form")
        content = bytes(await part.read())
        if request.content.total_bytes > request.client_max_size:
            raise web.HTTPRequestEntityTooLarge(request.client_max_size)
        if part.filename is None:
            fields.append((part.name, content.decode("utf-8")))
        else:
            files[part.name] = UploadedFile(part.filename, content)
    return fields, files
