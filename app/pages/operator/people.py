"""People: what is stored of one, exporting it, and erasing it after a page that says what will go."""

from urllib.parse import urlencode

from aiohttp import web

from app.domain.errors import NotFound
from app.domain.records.erasures import ErasureRecord, StoredOfPerson
from app.domain.states import ErasureStatus
from app.http.app_keys import ACCESS, CONTEXT
from app.http.exports import send_json
from app.http.request_values import path_id
from app.http.sessions import PAGES
from app.pages.forms import Form, read_form
from app.pages.operator.filters import typed
from app.pages.rendering import redirect, render
from app.services import erasure
from app.services.export_person import export_person
from app.wiring.people import find_principal

PEOPLE = f"{PAGES}/people"


async def show_people(request: web.Request) -> web.StreamResponse:
    """A form to find a person, and how much is stored of the one whom the address names."""
    sub, issuer = typed(request, "person"), typed(request, "issuer")
    stored: StoredOfPerson | None = None
    if sub:
        try:
            stored = await erasure.count_stored(request.app[CONTEXT].pool, _principal(request, sub, issuer))
        except NotFound:
            stored = None
    values = {"person": sub, "issuer": issuer, "stored": stored, "query": _query(sub or "", issuer)}
    return render(request, "operator/people.html", values)


async def export(request: web.Request) -> web.StreamResponse:
    """All that is stored of a person, as a file."""
    sub, issuer = _named(await read_form(request))
    pieces = export_person(
        request.app[CONTEXT].pool, request[ACCESS].caller.principal, _principal(request, sub, issuer)
    )
    return await send_json(request, pieces, {"Content-Disposition": 'attachment; filename="person.json"'})


async def show_erase(request: web.Request) -> web.StreamResponse:
    """What an erasure of the person would delete, and what would stay without their name."""
    return await _confirmation(request, typed(request, "person") or "", typed(request, "issuer"))


async def erase(request: web.Request) -> web.StreamResponse:
    """Has the person erased if the name was typed once more."""
    form = await read_form(request)
    sub, issuer = _named(form)
    if form.get("confirmation", "").strip() != sub:
        return await _confirmation(request, sub, issuer, form.get("confirmation", ""))
    actor = request[ACCESS].caller.principal
    requested = await erasure.request_erasure(request.app[CONTEXT].pool, actor, _principal(request, sub, issuer))
    return redirect(f"{PEOPLE}/erasures/{requested.erasure_id}")


async def show_erasure(request: web.Request) -> web.StreamResponse:
    """How far an erasure is, and then the receipt."""
    record = await find_erasure(request)
    values = {"erasure": record, "pending": record.status is ErasureStatus.PENDING}
    return render(request, "operator/erasure.html", values)


async def find_erasure(request: web.Request) -> ErasureRecord:
    """The erasure that the path names. Raises `NotFound`."""
    return await erasure.find_erasure(request.app[CONTEXT].pool, path_id(request, "erasure_id"))


async def _confirmation(
    request: web.Request, sub: str, issuer: str | None, confirmation: str | None = None
) -> web.Response:
    stored = await erasure.count_stored(request.app[CONTEXT].pool, _principal(request, sub, issuer))
    values = {"person": sub, "issuer": issuer, "stored": stored, "typed": confirmation, "query": _query(sub, issuer)}
    return render(request, "operator/erase.html", values, status=200 if confirmation is None else 422)


def _principal(request: web.Request, sub: str, issuer: str | None) -> str:
    return find_principal(request.app[CONTEXT].settings, sub, issuer)


def _named(form: Form) -> tuple[str, str | None]:
    return form.get("person", ""), form.get("issuer") or None


def _query(sub: str, issuer: str | None) -> str:
    return urlencode({"person": sub} | ({"issuer": issuer} if issuer else {}))
