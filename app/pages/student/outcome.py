"""What comes of a submitted assessment: its progress, then its result."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from aiohttp import web

from app.domain.records.assessments import Assessment
from app.domain.states import AssessmentStatus
from app.http.app_keys import ACCESS, CONTEXT
from app.http.request_values import path_id
from app.http.sessions import PAGES
from app.http.status_stream import stream_status
from app.pages.advisor.result_links import staff_links
from app.pages.rendering import render
from app.pages.student.result_page import result_values
from app.pages.student.wording import STAGES
from app.services.assessments import status
from app.services.assessments.status import Status
from app.services.results.reading import read_notes


@dataclass(frozen=True)
class RefusedForm:
    """A form of the result's page that was not accepted: which one, what was typed, and why."""

    name: str
    typed: Mapping[str, str]
    error: str
    status: int = 422
    headers: Mapping[str, str] = field(default_factory=dict)


async def show_outcome(
    request: web.Request, assessment: Assessment, refused: RefusedForm | None = None
) -> web.StreamResponse:
    """The progress while jobs run, then the result, or why there is none."""
    path, pool, access = f"{PAGES}/assessments/{assessment.id}", request.app[CONTEXT].pool, request[ACCESS]
    staff = staff_links(request, assessment)
    if assessment.status in (AssessmentStatus.EXPIRED, AssessmentStatus.FAILED):
        return render(request, "student/no_result.html", {"assessment": assessment, "staff": staff})
    result = await status.read_result(pool, assessment.id, access)
    if isinstance(result, Status):
        view = result.rendered(access).view
        stages = [stage.model_dump() | {"words": STAGES[stage.name]} for stage in view.stages]
        values = {"assessment": assessment, "status": view, "stages": stages, "path": path}
        return render(request, "student/progress.html", values)
    person = access.caller.principal
    shown = result_values(
        assessment, result, await read_notes(pool, result, person), request.app[CONTEXT].settings.appeal_days
    )
    common = {"assessment": assessment, "path": path, "is_owner": assessment.owner == person, "refused": refused}
    common["staff"] = staff
    response = render(request, "student/result.html", shown | common, status=refused.status if refused else 200)
    response.headers.update(refused.headers if refused else {})
    return response


async def stream_events(request: web.Request) -> web.StreamResponse:
    """The status as server-sent events."""
    return await stream_status(request, path_id(request, "assessment_id"))


async def download_result(request: web.Request) -> web.StreamResponse:
    """The result as a file of JSON."""
    assessment_id: UUID = path_id(request, "assessment_id")
    result = await status.read_result(request.app[CONTEXT].pool, assessment_id, request[ACCESS])
    view = result.rendered(request[ACCESS]).view if isinstance(result, Status) else result
    disposition = f'attachment; filename="assessment-{assessment_id}.json"'
    return web.json_response(text=view.model_dump_json(indent=2), headers={"Content-Disposition": disposition})
