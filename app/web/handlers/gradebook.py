"""Handler for the grade book."""

from aiohttp import web

from app.domain.records.gradebook import GradebookRow
from app.http.app_keys import GRADEBOOKS
from app.http.exports import Format, json_list, requested_format, send_file, send_json
from app.http.query import query_open_period, query_text
from app.http.server_connections import cancelled_on_disconnect
from app.services.results.gradebooks import GradebookFilter

# Seconds for a whole grade book.
_SECONDS = 300.0


async def show_gradebook(request: web.Request) -> web.StreamResponse:
    """One row for each assessment, the oldest first, with its points by type of question: as JSON or as a file."""
    wanted = GradebookFilter(query_text(request, "track"), *query_open_period(request))
    file_format = requested_format(request)
    with cancelled_on_disconnect(request):
        async with request.app[GRADEBOOKS].open(wanted) as batches:
            if file_format is Format.JSON:
                return await send_json(request, json_list(batches), {"Vary": "Accept"}, _SECONDS)
            return await send_file(request, file_format, batches, GradebookRow, "gradebook", _SECONDS)
