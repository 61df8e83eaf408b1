"""Routes of what staff read about many assessments: appeals, the review queue, the grade book and figures."""

from app import schemas
from app.domain.records.reviews import Reservation
from app.http.access import READERS, STAFF, STAFF_FOR_OTHERS
from app.schemas import requests
from app.web.handlers import analytics, appeals, gradebook, reviews
from app.web.route import PAGE, PERIOD, Route

_REVIEW = "/reviews/{assessment_id}/{question_id}"

STAFF_ROUTES = (
    Route("GET", "/appeals", appeals.list_appeals, STAFF, {200: schemas.AppealPage}, query=("status", *PAGE)),
    Route(
        "PUT", "/appeals/{appeal_id}", appeals.answer_appeal, STAFF_FOR_OTHERS, {200: schemas.StaffAppealView},
        requests.AppealAnswerBody, problems=(409,),
    ),
    Route(
        "GET", "/reviews", reviews.list_reviews, STAFF, {200: schemas.ReviewPage},
        query=("track", "reason", "order", *PAGE),
    ),
    Route(
        "POST", f"{_REVIEW}/reserve", reviews.reserve_review, STAFF_FOR_OTHERS, {200: Reservation},
        requests.ReserveBody, body_required=False, problems=(409,),
    ),
    Route("DELETE", f"{_REVIEW}/reserve", reviews.release_review, STAFF_FOR_OTHERS, {204: None}, problems=(409,)),
    Route(
        "GET", "/gradebook", gradebook.show_gradebook, STAFF, {200: schemas.Gradebook}, query=(*PERIOD, "format"),
    ),
    Route("GET", "/analytics/overview", analytics.overview, READERS, {200: schemas.OverviewAnalytics}, query=PERIOD),
    Route(
        "GET", "/analytics/feedback", analytics.feedback_analytics, READERS, {200: schemas.FeedbackAnalytics},
        query=(*PERIOD, "format"),
    ),
    Route("GET", "/analytics/scores", analytics.score_analytics, READERS, {200: schemas.ScoreAnalytics}, query=PERIOD),
    Route(
        "GET", "/analytics/model-calls", analytics.model_call_analytics, READERS, {200: schemas.ModelCallAnalytics},
        query=PERIOD,
    ),
)  # fmt: skip
