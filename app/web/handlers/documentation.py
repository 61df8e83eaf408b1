"""The OpenAPI document and a page to try it."""

from importlib.util import find_spec
from pathlib import Path

from aiohttp import web

from app.http.app_keys import OPENAPI_DOCUMENT

# Swagger UI needs inline styles; scripts come from this server alone.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_OWN = Path(__file__).parent.parent / "static"


async def openapi(request: web.Request) -> web.StreamResponse:
    """The document, made from the models that parse the requests."""
    return web.Response(
        body=request.app[OPENAPI_DOCUMENT](), content_type="application/json", headers={"Cache-Control": "no-cache"}
    )


async def docs(request: web.Request) -> web.StreamResponse:
    """The page."""
    return web.FileResponse(_OWN / "docs.html", headers={"Content-Security-Policy": _POLICY})


async def docs_asset(request: web.Request) -> web.StreamResponse:
    """The page's own script, or a file of Swagger UI out of its package."""
    name = request.match_info["name"]
    folder = _OWN if name == "docs.js" else _swagger_ui()
    return web.FileResponse(folder / name, headers={"Cache-Control": "max-age=3600"})


def _swagger_ui() -> Path:
    spec = find_spec("swagger_ui")
    if spec is None or spec.origin is None:
        raise web.HTTPNotFound
    return Path(spec.origin).parent / "static"
