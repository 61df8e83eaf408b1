"""Whether an assessment has a result yet."""

from app.domain.errors import AssessmentFailed, NoResultYet, NotSubmitted
from app.domain.states import AssessmentStatus


def check_result(status: AssessmentStatus) -> None:
    """Returns if an assessment of this status has a result.

    Raises:
        NotSubmitted, NoResultYet, AssessmentFailed: it has none.
    """
    match status:
        case AssessmentStatus.IN_PROGRESS | AssessmentStatus.EXPIRED:
            raise NotSubmitted("this assessment was not submitted, so it has no result")
        case AssessmentStatus.SUBMITTED:
            raise NoResultYet("the result is not ready yet; ask again later")
        case AssessmentStatus.FAILED:
            raise AssessmentFailed("no result could be computed, so there is none")
        case AssessmentStatus.COMPLETED:
            return
