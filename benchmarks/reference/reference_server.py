"""A bare service with aiohttp and asyncpg alone; sends its port.

It verifies the token, executes the statements of Assay and answers the same bytes, with no validation, logging, metrics
or notifications.
"""

import asyncio
from typing import Any
from uuid import UUID

import jwt
import uvloop
from aiohttp import web

from app.repositories.sql import Pool, statements
from app.services.assessments.status import read_status
from app.wiring.pool import open_pool
from benchmarks.bare_pool import bare_pool
from benchmarks.child_messages import receive, send
from benchmarks.submissions.recorded_submission import RecordedSubmission, record_submission
from tests.job_runner import access_of_student

_READ_STATUS = statements("assessments")["read_status"]
# It keeps no status, so it always reads all of it.
_NO_REVISION = 0


class _Handlers:
    def __init__(self, pool: Pool, secret: str, submission: RecordedSubmission, status: bytes) -> None:
        self._pool = pool
        self._secret = secret
        self._submission = submission
        self._status = status

    async def submit(self, request: web.Request) -> web.Response:
        owner, assessment_id = self._owner(request), UUID(request.match_info["assessment_id"])
        await request.read()
        (read, read_arguments), (write, write_arguments) = self._submission.calls_for(assessment_id, owner)
        draft = await self._pool.fetchrow(read, *read_arguments)
        if draft is None or draft["owner"] != owner:
            raise web.HTTPNotFound
        written = await self._pool.fetchrow(write, *write_arguments)
        if written is None or not written["locked"]:
            raise web.HTTPConflict
        return _json(self._with_id(self._submission.answer, assessment_id), 202)

    async def status(self, request: web.Request) -> web.Response:
        owner, assessment_id = self._owner(request), UUID(request.match_info["assessment_id"])
        row = await self._pool.fetchrow(_READ_STATUS, [assessment_id], [_NO_REVISION])
        if row is None or row["owner"] != owner:
            raise web.HTTPNotFound
        tag = f'"{row["revision"]}"'
        if request.headers.get("If-None-Match") == tag:
            return web.Response(status=304, headers={"ETag": tag})
        return _json(self._with_id(self._status, assessment_id), 200, ETag=tag)

    def _owner(self, request: web.Request) -> str:
        token = request.headers["Authorization"].removeprefix("Bearer ")
        owner: str = jwt.decode(token, self._secret, algorithms=["HS256"], options={"require": ["exp", "sub"]})["sub"]
        return owner

    def _with_id(self, body: bytes, assessment_id: UUID) -> bytes:
        return body.replace(str(self._submission.assessment_id).encode(), str(assessment_id).encode())


def _json(body: bytes, status: int, **headers: str) -> web.Response:
    return web.Response(body=body, status=status, content_type="application/json", charset="utf-8", headers=headers)


async def _serve(dsn: str, secret: str, connections: int, max_queued: int, assessment: tuple[str, str]) -> None:
    recorded_id, owner = UUID(assessment[0]), assessment[1]
    submission = await record_submission(dsn, recorded_id, owner, max_queued)
    access = access_of_student(owner)
    async with open_pool(dsn, "assay bench", 1) as recording_pool:
        status = (await read_status(recording_pool, recorded_id, access)).rendered(access).body.encode()
    async with bare_pool(dsn, connections) as pool:
        handlers = _Handlers(pool, secret, submission, status)
        app = web.Application()
        app.router.add_post("/assessments/{assessment_id}/submit", handlers.submit)
        app.router.add_get("/assessments/{assessment_id}/status", handlers.status)
        runner: Any = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
        send(runner.addresses[0][1])
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(_serve(**receive()))
