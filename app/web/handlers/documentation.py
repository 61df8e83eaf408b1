"""Handlers for the API's documentation: the OpenAPI document, and a page to try the API."""

from importlib.util import find_spec
from pathlib import Path

from aiohttp import web

from app.http.app_keys import OPENAPI_DOCUMENT

# Swagger UI needs inline styles. Scripts come from this server only.
_CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_STATIC = Path(__file__).parent.parent / "static"


async def openapi(request: web.Request) -> web.StreamResponse:
    """This OpenAPI document."""
    return web.Response(
        body=request.app[OPENAPI_DOCUMENT](), content_type="application/json", headers={"Cache-Control": "no-cache"}
    )


async def docs(request: web.Request) -> web.StreamResponse:
    """A page that shows the document and can send requests."""
    return web.FileResponse(_STATIC / "docs.html", headers={"Content-Security-Policy": _CONTENT_SECURITY_POLICY})


async def docs_asset(request: web.Request) -> web.StreamResponse:
    """A file of the page: its own script, or one of Swagger UI's package."""
    name = request.match_info["name"]
    folder = _STATIC if name == "docs.js" else _swagger_ui()
    return web.FileResponse(folder / name, headers={"Cache-Control": "max-age=3600"})


def _swagger_ui() -> Path:
    spec = find_spec("swagger_ui")
    if spec is None or spec.origin is None:
        raise web.HTTPNotFound
    return Path(spec.origin).parent / "static"
