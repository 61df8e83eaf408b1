"""The page that shows why a request was not carried out."""

from collections.abc import Mapping

from aiohttp import web

from app.http.app_keys import REQUEST_ID
from app.http.problems import Problem
from app.pages.rendering import render

# What to do about it, in words for people; the problem's own text stands beside it.
_ADVICE: Mapping[int, str] = {
    403: "You cannot do this with your account. If you should be able to, ask whoever runs this service.",
    404: "The address may be wrong, or what was here is gone.",
    409: "Somebody, or another window, was faster. Go back, load the page again and look at how it is now.",
    410: "It is too late for this.",
    413: "Send less at once.",
    422: "Go back and correct what is named below.",
    429: "Wait a little and try again.",
    500: "This is our fault. Whoever runs this service finds the cause with the number below.",
    503: "This usually passes. Nothing that was saved is lost; try again in a moment.",
}


# Where people would not say it as the API does.
_TITLES: Mapping[int, str] = {404: "There is no such page"}
_DETAIL_OF_ANY_PATH = "There is no such resource."


def error_page(request: web.Request, problem: Problem) -> web.Response:
    """The page for a request that ended in this problem."""
    status = problem.kind.status
    detail = problem.detail[:1].upper() + problem.detail[1:].rstrip(".") + "."
    values = {
        "title": _TITLES.get(status, problem.kind.title),
        "detail": None if detail == _DETAIL_OF_ANY_PATH else detail,
        "problem": problem,
        "advice": _ADVICE.get(status),
        "request_id": request[REQUEST_ID],
    }
    response = render(request, "error.html", values, status=status)
    response.headers.update(problem.response_headers)
    return response
