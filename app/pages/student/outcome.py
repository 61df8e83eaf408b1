"""What comes of a submitted assessment: its progress, then its result."""

from aiohttp import web

from app.domain.essay.score import DimensionName
from app.domain.records.assessments import Assessment
from app.domain.states import AssessmentStatus
from app.http.app_keys import ACCESS, CONTEXT
from app.http.request_values import path_id
from app.http.sessions import PAGES
from app.http.status_stream import stream_status
from app.pages.advisor.result_links import staff_links
from app.pages.evidence import segments
from app.pages.rendering import render
from app.schemas import ResultView
from app.services.assessments import status
from app.services.assessments.status import Status


async def show_outcome(request: web.Request, assessment: Assessment) -> web.StreamResponse:
    """The progress while jobs run, then the result, or why there is none."""
    path, pool, access = f"{PAGES}/assessments/{assessment.id}", request.app[CONTEXT].pool, request[ACCESS]
    staff = staff_links(request, assessment)
    if assessment.status in (AssessmentStatus.EXPIRED, AssessmentStatus.FAILED):
        return render(request, "student/no_result.html", {"assessment": assessment, "staff": staff})
    result = await status.read_result(pool, assessment.id, access)
    if isinstance(result, Status):
        values = {"assessment": assessment, "status": result.rendered(access).view, "path": path}
        return render(request, "student/progress.html", values)
    return render(request, "student/result.html", _values(assessment, result) | {"path": path, "staff": staff})


async def stream_events(request: web.Request) -> web.StreamResponse:
    """The status as server-sent events."""
    return await stream_status(request, path_id(request, "assessment_id"))


async def download_result(request: web.Request) -> web.StreamResponse:
    """The result as a file of JSON."""
    assessment_id = path_id(request, "assessment_id")
    result = await status.read_result(request.app[CONTEXT].pool, assessment_id, request[ACCESS])
    view = result.rendered(request[ACCESS]).view if isinstance(result, Status) else result
    disposition = f'attachment; filename="assessment-{assessment_id}.json"'
    return web.json_response(text=view.model_dump_json(indent=2), headers={"Content-Disposition": disposition})


def _values(assessment: Assessment, result: ResultView) -> dict[str, object]:
    questions, answers = assessment.questions_by_id, assessment.answers
    essays = [
        {
            "line": line,
            "prompt": questions[line.question_id].body.prompt,
            "segments": segments(str(answers.get(line.question_id, "")), line.dimensions),
        }
        for line in result.breakdown.essay.questions
    ]
    return {"assessment": assessment, "result": result, "essays": essays, "dimension_names": tuple(DimensionName)}
