"""Handler for the audit log."""

from aiohttp import web

from app.domain.states import AuditEntity
from app.http.app_keys import ACCESS, CONTEXT
from app.http.exports import Format, requested_format, send_file
from app.http.query import query_choice, query_open_period, query_text
from app.schemas import AuditLineView, AuditView, audit_line_view, audit_view
from app.services.audit import AuditFilter, export_changes


async def list_audit(request: web.Request) -> web.StreamResponse:
    """All changes by staff, API keys and commands, the oldest first: as JSON lines, or as CSV."""
    start, end = query_open_period(request)
    wanted = AuditFilter(
        query_text(request, "actor"),
        query_choice(request, "entity", AuditEntity),
        query_text(request, "key"),
        start,
        end,
    )
    pool, actor = request.app[CONTEXT].pool, request[ACCESS].caller.principal
    if requested_format(request) is Format.CSV:
        rows = export_changes(pool, actor, wanted, audit_line_view)
        return await send_file(request, Format.CSV, rows, AuditLineView, "audit")
    # One JSON document would have to be read as a whole; lines are the JSON of long files.
    objects = export_changes(pool, actor, wanted, audit_view)
    return await send_file(request, Format.JSONL, objects, AuditView, "audit")
