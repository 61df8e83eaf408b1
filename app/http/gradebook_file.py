"""Sending a grade book as a file or a JSON document."""

from aiohttp import web

from app.domain.records.gradebook import GradebookRow
from app.http.app_keys import GRADEBOOKS
from app.http.exports import Format, json_list, send_file, send_json
from app.http.server_connections import cancelled_on_disconnect
from app.services.results.gradebooks import GradebookFilter

# Seconds for a whole grade book.
_SECONDS = 300.0


async def send_gradebook(
    request: web.Request, wanted: GradebookFilter, file_format: Format, *, attached: bool = False
) -> web.StreamResponse:
    """Sends one row for each assessment, the oldest first; JSON is sent as a file only if it is to be `attached`."""
    disposition = {"Content-Disposition": 'attachment; filename="gradebook.json"'} if attached else {}
    with cancelled_on_disconnect(request):
        async with request.app[GRADEBOOKS].open(wanted) as batches:
            if file_format is Format.JSON:
                return await send_json(request, json_list(batches), {"Vary": "Accept"} | disposition, _SECONDS)
            return await send_file(request, file_format, batches, GradebookRow, "gradebook", _SECONDS)
