"""Handler for the grade book."""

from aiohttp import web

from app.http.exports import requested_format
from app.http.gradebook_file import send_gradebook
from app.http.query import query_open_period, query_text
from app.services.results.gradebooks import GradebookFilter


async def show_gradebook(request: web.Request) -> web.StreamResponse:
    """One row for each assessment, the oldest first, with its points by type of question: as JSON or as a file."""
    wanted = GradebookFilter(query_text(request, "track"), *query_open_period(request))
    return await send_gradebook(request, wanted, requested_format(request))
