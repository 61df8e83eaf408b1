"""Loading what the path of an author's page names."""

from aiohttp import web

from app.domain.records.catalog import BankQuestion, Credential, Track
from app.http.app_keys import CONTEXT
from app.http.request_values import path_id, path_text
from app.services.catalog import credentials, questions, tracks


async def find_track(request: web.Request) -> Track:
    """The active track that the path names. Raises `NotFound`."""
    return await tracks.find(request.app[CONTEXT].pool, path_text(request, "slug"))


async def find_known_track(request: web.Request) -> None:
    """Returns if the path names a track, active or retired. Raises `NotFound`."""
    await tracks.check_known(request.app[CONTEXT].pool, path_text(request, "slug"))


async def find_question(request: web.Request) -> BankQuestion:
    """The active question that the path names. Raises `NotFound`."""
    return await questions.find(request.app[CONTEXT].pool, path_id(request, "question_id"))


async def find_known_question(request: web.Request) -> None:
    """Returns if the path names a question, active or retired. Raises `NotFound`."""
    await questions.check_known(request.app[CONTEXT].pool, path_id(request, "question_id"))


async def find_credential(request: web.Request) -> Credential:
    """The active credential that the path names. Raises `NotFound`."""
    return await credentials.find(request.app[CONTEXT].pool, path_id(request, "credential_id"))
