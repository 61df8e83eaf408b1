"""The audit log: changes with filters in the address, and the same as a file."""

import json
from collections.abc import Mapping

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


async def show_audit_log(request: web.Request) -> web.StreamResponse:
    """A page of changes, newest first."""
    before, pool = query_cursor_integer(request), request.app[CONTEXT].pool
    filters = {name: typed(request, name) or "" for name in _FILTERS}
    changes, cursor = await audit.newest_changes(pool, _filter(filters), before, ROWS)
    values = {
        "changes": [_shown(change) for change in changes],
        "next_page": next_page(request, cursor),
        "filters": filters,
        "entities": [str(entity) for entity in AuditEntity],
    }
    return render(request, "operator/audit.html", values)


async def download(request: web.Request) -> web.StreamResponse:
    """All changes that match, the oldest first, as CSV or as JSON lines. A form asks for it, because the log has the
    download, too."""
    form, pool, actor = await read_form(request), request.app[CONTEXT].pool, request[ACCESS].caller.principal
    wanted = _filter({name: form.get(name, "") for name in _FILTERS})
    if form.get("format") == Format.CSV:
        rows = export_changes(pool, actor, wanted, audit_line_view)
        return await send_file(request, Format.CSV, rows, AuditLineView, "audit")
    objects = export_changes(pool, actor, wanted, audit_view)
    return await send_file(request, Format.JSONL, objects, AuditView, "audit")


def _filter(texts: Mapping[str, str]) -> AuditFilter:
    try:
        start, end = parse_open_period(texts["from"] or None, texts["to"] or None)
    except InvalidPeriod as error:
        bad_query(str(error))
    if texts["entity"] and texts["entity"] not in list(AuditEntity):
        bad_query(f"entity must be one of {', '.join(AuditEntity)}")
    entity = AuditEntity(texts["entity"]) if texts["entity"] else None
    return AuditFilter(texts["actor"] or None, entity, texts["key"] or None, start, end)


def _shown(change: AuditRecord) -> dict[str, object]:
    view = audit_view(change)
    after = None if view.after is None else json.dumps(view.after, ensure_ascii=False, indent=2)
    return {"view": view, "after": after}
