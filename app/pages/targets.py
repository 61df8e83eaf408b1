"""Loading what the path of a page names, whoever may use it."""

from aiohttp import web

from app.domain.records.assessments import Assessment
from app.http.app_keys import ACCESS, CONTEXT
from app.http.request_values import path_id
from app.services.assessments import lookup


async def find_assessment(request: web.Request) -> Assessment:
    """The assessment that the path names. Raises `NotFound`."""
    return await lookup.find_assessment(request.app[CONTEXT].pool, path_id(request, "assessment_id"))


async def find_permitted_assessment(request: web.Request) -> Assessment:
    """The assessment that the path names, if the caller may have it. Raises `NotFound` or `Forbidden`."""
    pool, assessment_id = request.app[CONTEXT].pool, path_id(request, "assessment_id")
    return await lookup.find_permitted_assessment(pool, assessment_id, request[ACCESS])
