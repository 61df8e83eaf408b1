"""The audit log: changes with filters in the address, and the same as a file."""

import json
from collections.abc import Mapping
from datetime import datetime

from aiohttp import web

from app.domain.period import InvalidPeriod, parse_open_period
from app.domain.records.audit import AuditRecord
from app.domain.states import AuditEntity
from app.http.app_keys import ACCESS, CONTEXT
from app.http.exports import Format, send_file
from app.http.query import bad_query, query_cursor_integer
from app.http.sessions import PAGES
from app.pages.forms import read_form
from app.pages.operator.filters import ROWS, next_page, typed
from app.pages.rendering import render
from app.schemas import AuditLineView, AuditView, audit_line_view, audit_view
from app.services import audit
from app.services.audit import AuditFilter, export_changes

AUDIT = f"{PAGES}/audit"
_FILTERS = ("actor", "entity", "key", "from", "to")
# Where to look at what has changed, by kind. Others can be gone.
_PLACES: Mapping[str, str] = {
    AuditEntity.QUESTION: f"{PAGES}/questions/{{}}/versions",
    AuditEntity.ASSESSMENT: f"{PAGES}/assessments/{{}}",
    AuditEntity.JOB: f"{PAGES}/jobs/{{}}",
    AuditEntity.DELIVERY: f"{PAGES}/webhooks/deliveries/{{}}",
}
# Fields that a person knows a thing by.
_NAMES = ("name", "title", "prompt")


async def show_audit_log(request: web.Request) -> web.StreamResponse:
    """A page of changes, newest first."""
    before, pool = query_cursor_integer(request), request.app[CONTEXT].pool
    filters = {name: typed(request, name) or "" for name in _FILTERS}
    values: dict[str, object] = {"filters": filters, "entities": [str(entity) for entity in AuditEntity]}
    try:
        start, end = parse_open_period(filters["from"] or None, filters["to"] or None)
    except InvalidPeriod:
        return render(request, "operator/audit.html", values | {"period_is_wrong": True, "changes": []}, status=400)
    changes, cursor = await audit.newest_changes(pool, _filter(filters, start, end), before, ROWS)
    values |= {
        "period_is_wrong": False,
        "changes": [_shown(change) for change in changes],
        "next_page": next_page(request, cursor),
    }
    return render(request, "operator/audit.html", values)


async def download(request: web.Request) -> web.StreamResponse:
    """All changes that match, the oldest first, as CSV or as JSON lines. A form asks for it, because the log has the
    download, too."""
    form, pool, actor = await read_form(request), request.app[CONTEXT].pool, request[ACCESS].caller.principal
    texts = {name: form.get(name, "") for name in _FILTERS}
    try:
        start, end = parse_open_period(texts["from"] or None, texts["to"] or None)
    except InvalidPeriod as error:
        bad_query(str(error))
    wanted = _filter(texts, start, end)
    if form.get("format") == Format.CSV:
        rows = export_changes(pool, actor, wanted, audit_line_view)
        return await send_file(request, Format.CSV, rows, AuditLineView, "audit")
    objects = export_changes(pool, actor, wanted, audit_view)
    return await send_file(request, Format.JSONL, objects, AuditView, "audit")


def _filter(texts: Mapping[str, str], start: datetime | None, end: datetime | None) -> AuditFilter:
    if texts["entity"] and texts["entity"] not in list(AuditEntity):
        bad_query(f"entity must be one of {', '.join(AuditEntity)}")
    entity = AuditEntity(texts["entity"]) if texts["entity"] else None
    return AuditFilter(texts["actor"] or None, entity, texts["key"] or None, start, end)


def _shown(change: AuditRecord) -> dict[str, object]:
    view = audit_view(change)
    after = None if view.after is None else json.dumps(view.after, ensure_ascii=False, indent=2)
    name = next((str(view.after[field]) for field in _NAMES if view.after and view.after.get(field)), None)
    place = _PLACES[change.entity].format(change.key) if change.entity in _PLACES else None
    return {"view": view, "after": after, "name": name or change.key, "place": place}
