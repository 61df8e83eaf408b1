"""Pages for credentials: search, create, change, retire, and those that no track's skills match."""

import asyncio
from typing import Any
from uuid import UUID

from aiohttp import web

from app.domain.body_validation import validate_body
from app.domain.errors import ExternalIdTaken, FieldError, InvalidFields
from app.domain.recommendation.credentials import CredentialBody, split_skills
from app.domain.states import CredentialLevel
from app.http.app_keys import ACCESS, CONTEXT
from app.http.query import query_cursor_id, query_limit, query_text
from app.http.sessions import PAGES
from app.pages.author.targets import find_credential
from app.pages.form_values import FormValues, errors_by_field
from app.pages.forms import Form, read_form
from app.pages.rendering import redirect, render
from app.services.catalog import credentials
from app.services.catalog.credentials_file import credentials_table

CREDENTIALS = f"{PAGES}/credentials"
_LABELS = {
    "title": "Title",
    "provider": "Provider",
    "url": "Web address",
    "level": "Level",
    "skills": "Skills",
    "description": "Description",
    "language": "Language",
    "external_id": "External id",
}
# Fields that are null where nothing is written.
_NULLABLE = ("language", "external_id")
_LEVELS = tuple((level, str(level)) for level in CredentialLevel)
_CHARACTERS = 300


async def list_credentials(request: web.Request) -> web.StreamResponse:
    """Active credentials that have the words, or those of whose skills no track has any."""
    pool, limit, after = request.app[CONTEXT].pool, query_limit(request), query_cursor_id(request)
    words, unmatched = (query_text(request, "q") or "").strip()[:_CHARACTERS], "unmatched" in request.query
    rows, cursor = await credentials.search(pool, words, after, limit, unmatched=unmatched)
    values = {
        "rows": rows,
        "matcher": await credentials.skill_matcher(pool),
        "next": str(request.rel_url.update_query(cursor=cursor)) if cursor else None,
        "words": words,
        "unmatched": unmatched,
    }
    return render(request, "author/credentials.html", values)


async def download_credentials(request: web.Request) -> web.StreamResponse:
    """All credentials as a table that an import takes."""
    bodies = [credential.body for credential in await credentials.all_active(request.app[CONTEXT].pool)]
    # With a byte order mark, by which spreadsheets know UTF-8. A large catalogue takes a second to write.
    text = "\ufeff" + await asyncio.to_thread(credentials_table, bodies)
    headers = {"Content-Disposition": 'attachment; filename="credentials.csv"'}
    return web.Response(text=text, content_type="text/csv", charset="utf-8", headers=headers)


async def show_new_credential(request: web.Request) -> web.StreamResponse:
    """An empty form."""
    return await _page(request, FormValues(), None)


async def create_credential(request: web.Request) -> web.StreamResponse:
    """Creates the credential of the form."""
    form = await read_form(request)
    try:
        body = validate_body(CredentialBody, _fields(form))
        async with request.app[CONTEXT].pool.acquire() as conn, conn.transaction():
            credential = await credentials.create(conn, request[ACCESS].caller.principal, body)
    except (InvalidFields, ExternalIdTaken) as error:
        return await _page(request, _typed(form, error), None)
    return redirect(f"{CREDENTIALS}/{credential.credential_id}?done=created")


async def show_credential(request: web.Request) -> web.StreamResponse:
    """The credential's form."""
    credential = await find_credential(request)
    texts = {name: str(getattr(credential.body, name) or "") for name in _LABELS}
    texts["skills"] = "\n".join(credential.body.skills)
    return await _page(request, FormValues(texts), credential.credential_id)


async def save_credential(request: web.Request) -> web.StreamResponse:
    """Writes a new version of the credential."""
    credential, form = await find_credential(request), await read_form(request)
    credential_id, actor = credential.credential_id, request[ACCESS].caller.principal
    try:
        fields = _fields(form)
        if validate_body(CredentialBody, fields) == credential.body:
            return redirect(f"{CREDENTIALS}/{credential_id}?done=unchanged")
        await credentials.patch(request.app[CONTEXT].pool, actor, credential_id, fields)
    except (InvalidFields, ExternalIdTaken) as error:
        return await _page(request, _typed(form, error), credential_id)
    return redirect(f"{CREDENTIALS}/{credential_id}?done=saved")


async def retire_credential(request: web.Request) -> web.StreamResponse:
    """Retires the credential: it is not recommended any more."""
    credential = await find_credential(request)
    await credentials.delete(request.app[CONTEXT].pool, request[ACCESS].caller.principal, credential.credential_id)
    return redirect(f"{CREDENTIALS}?done=retired")


def _fields(form: Form) -> dict[str, Any]:
    texts = {name: form.get(name, "").strip() for name in _LABELS}
    return {
        **texts,
        **{name: texts[name] or None for name in _NULLABLE},
        "skills": split_skills(texts["skills"]),
    }


def _typed(form: Form, error: InvalidFields | ExternalIdTaken) -> FormValues:
    if isinstance(error, ExternalIdTaken):
        error = InvalidFields([FieldError("/external_id", "another credential has it")])
    return FormValues({name: form.get(name, "") for name in _LABELS}, errors_by_field(error, _LABELS), _LABELS)


async def _page(request: web.Request, values: FormValues, credential_id: UUID | None) -> web.Response:
    matcher = await credentials.skill_matcher(request.app[CONTEXT].pool)
    unknown = [skill for skill in split_skills(values.text("skills")) if not matcher.is_known(skill)]
    shown = {
        "values": values,
        "levels": _LEVELS,
        "exists": credential_id is not None,
        "path": f"{CREDENTIALS}/{credential_id or 'new'}",
        "unknown": [(skill, matcher.nearest(skill)) for skill in unknown],
    }
    return render(request, "author/credential.html", shown, status=values.status)
