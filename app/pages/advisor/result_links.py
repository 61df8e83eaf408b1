"""What staff find beside a student's result: the trace, the review of each essay, and the form to score again."""

from dataclasses import dataclass

from aiohttp import web

from app.domain.records.assessments import Assessment
from app.domain.states import QuestionType
from app.http.app_keys import ACCESS
from app.http.sessions import PAGES
from app.pages.advisor.addresses import REVIEW


@dataclass(frozen=True)
class StaffLinks:
    """The addresses; `reviews` are those of the essays, and empty for one's own assessment."""

    path: str
    trace: str
    reviews: tuple[str, ...]
    owner: str
    is_own: bool


def staff_links(request: web.Request, assessment: Assessment) -> StaffLinks | None:
    """What to show to the caller; None for students."""
    caller = request[ACCESS].caller
    if not caller.staff:
        return None
    path, is_own = f"{PAGES}/assessments/{assessment.id}", assessment.owner == caller.principal
    reviews = tuple(
        f"{REVIEW}/{assessment.id}/{question.question_id}"
        for question in assessment.questions
        if question.body.type is QuestionType.ESSAY and not is_own
    )
    return StaffLinks(path, f"{path}/trace", reviews, assessment.owner, is_own)
