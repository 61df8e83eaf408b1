"""Routes for those who run the service, and its documentation."""

from app.http.access import MONITORING, PUBLIC
from app.web.handlers import documentation, operations
from app.web.route import Route

OPERATIONS_ROUTES = (
    Route("GET", "/healthz", operations.alive, PUBLIC, {200: None}),
    Route("GET", "/readyz", operations.ready, PUBLIC, {200: None, 503: None}),
    Route("GET", "/metrics", operations.metrics, MONITORING, {200: None}, problems=(401,)),
    Route("GET", "/openapi.json", documentation.openapi, PUBLIC, {200: None}),
    Route("GET", "/docs", documentation.docs, PUBLIC, {200: None}),
    Route(
        "GET", "/docs/{name:docs\\.js|swagger-ui-bundle\\.js|swagger-ui\\.css}", documentation.docs_asset, PUBLIC,
        {200: None}, documented=False,
    ),
)  # fmt: skip
