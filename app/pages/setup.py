"""Adding the pages to the server's application."""

from aiohttp import web

from app.http.app_keys import ERROR_PAGE
from app.http.sessions import ASSETS
from app.pages.assets import Assets
from app.pages.error_page import error_page
from app.pages.insights.page import keep_recent_figures
from app.pages.rendering import set_up_templates
from app.pages.routes import ROUTES, page_handler
from app.pages.sign_in import SIGN_IN_BY_ROLE


def add_pages(app: web.Application, *, sign_in_by_role: bool = False) -> None:
    """Adds all pages; with `sign_in_by_role`, everybody on this machine may sign in as any role."""
    assets = Assets()
    app[ERROR_PAGE] = error_page
    app[SIGN_IN_BY_ROLE] = sign_in_by_role
    set_up_templates(app, assets)
    keep_recent_figures(app)
    for route in ROUTES:
        for method in ("GET", "HEAD") if route.method == "GET" else (route.method,):
            app.router.add_route(method, route.path, page_handler(route))
    app.router.add_get(f"{ASSETS}{{version}}/{{name}}", assets.serve)
    app.router.add_get("/favicon.ico", assets.serve_icon)
