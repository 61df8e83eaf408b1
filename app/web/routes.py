"""All routes in one table; the OpenAPI document is made from it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import UnionType

from aiohttp import web
from pydantic import BaseModel

from app import schemas
from app.domain.assessment.questions import EssayQuestion, ProfileQuestion, TheoreticalQuestion
from app.domain.assessment.tracks import CredentialBody, TrackBody
from app.domain.result.model import Result
from app.schemas import requests
from app.web.handlers import (
    analytics,
    assessments,
    credentials,
    documentation,
    feedback,
    jobs,
    operations,
    questions,
    scores,
    status,
    trace,
    tracks,
    webhooks,
)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Shape = type[BaseModel] | UnionType


@dataclass(frozen=True)
class Route:
    """A route and what the document says of it: `headers` are those of its success, `problems` statuses beside those
    that every route may answer."""

    method: str
    path: str
    handler: Handler
    success: dict[int, Shape | None]
    body: Shape | None = None
    patch: bool = False
    body_required: bool = True
    keyed: bool = False
    public: bool = False
    query: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    problems: tuple[int, ...] = ()
    documented: bool = True

    @property
    def summary(self) -> str:
        """The first line of the handler's docstring."""
        return (self.handler.__doc__ or "").strip().splitlines()[0]


_PAGE = ("limit", "cursor")
_PERIOD = ("track", "from", "to")
_WEBHOOK = "/assessments/{assessment_id}/webhook"
_QUESTION = TheoreticalQuestion | ProfileQuestion | EssayQuestion

ROUTES = (
    Route("GET", "/tracks", tracks.list_tracks, {200: schemas.TrackPage}, query=_PAGE),
    Route("POST", "/tracks", tracks.create_track, {201: schemas.TrackView}, TrackBody, keyed=True, problems=(409,)),
    Route("GET", "/tracks/{slug}", tracks.show_track, {200: schemas.TrackView}),
    Route("PATCH", "/tracks/{slug}", tracks.patch_track, {200: schemas.TrackView}, TrackBody, True, problems=(409,)),
    Route("DELETE", "/tracks/{slug}", tracks.delete_track, {204: None}),
    Route("GET", "/questions", questions.list_questions, {200: schemas.QuestionPage}, query=("track", *_PAGE)),
    Route(
        "POST", "/questions", questions.create_question, {201: schemas.QuestionView}, requests.NewQuestion, keyed=True,
    ),
    Route("GET", "/questions/{question_id}", questions.show_question, {200: schemas.QuestionView}),
    Route("PATCH", "/questions/{question_id}", questions.patch_question, {200: schemas.QuestionView}, _QUESTION, True),
    Route("DELETE", "/questions/{question_id}", questions.delete_question, {204: None}),
    Route("GET", "/credentials", credentials.list_credentials, {200: schemas.CredentialPage}, query=_PAGE),
    Route(
        "POST", "/credentials", credentials.create_credential, {201: schemas.CredentialView},
        CredentialBody, keyed=True,
    ),
    Route(
        "GET", "/credentials/{credential_id}", credentials.show_credential, {200: schemas.CredentialView},
        query=("version",),
    ),
    Route(
        "PATCH", "/credentials/{credential_id}", credentials.patch_credential, {200: schemas.CredentialView},
        CredentialBody, True,
    ),
    Route("DELETE", "/credentials/{credential_id}", credentials.delete_credential, {204: None}),
    Route(
        "POST", "/assessments", assessments.start_assessment,
        {201: schemas.AssessmentView, 200: schemas.AssessmentView}, requests.NewAssessment, keyed=True, problems=(409,),
    ),
    Route(
        "GET", "/assessments", assessments.list_assessments, {200: schemas.AssessmentPage},
        query=("track", "status", "degraded", "needs_review", *_PAGE),
    ),
    Route("GET", "/assessments/{assessment_id}", assessments.show_assessment, {200: schemas.AssessmentView}),
    Route(
        "PATCH", "/assessments/{assessment_id}/responses", assessments.save_responses, {200: schemas.SavedView},
        requests.SaveBody, problems=(409, 410),
    ),
    Route(
        "POST", "/assessments/{assessment_id}/submit", assessments.submit_assessment, {202: schemas.SubmissionView},
        requests.SubmitBody, body_required=False, keyed=True, headers=("Retry-After",), problems=(409, 410),
    ),
    Route(
        "GET", "/assessments/{assessment_id}/status", status.show_status, {200: schemas.StatusView, 304: None},
        query=("wait",), headers=("ETag", "Retry-After", "Preference-Applied"), problems=(429,),
    ),
    Route(
        "GET", "/assessments/{assessment_id}/events", status.stream_events, {200: None, 204: None},
        headers=("ETag",), problems=(429,),
    ),
    Route(
        "GET", "/assessments/{assessment_id}/result", assessments.show_result,
        {200: Result, 202: schemas.StatusView}, headers=("Retry-After",), problems=(409, 410),
    ),
    Route(
        "POST", _WEBHOOK, webhooks.register_webhook,
        {201: schemas.RegisteredWebhookView, 200: schemas.RegisteredWebhookView}, requests.WebhookBody, problems=(410,),
    ),
    Route("GET", _WEBHOOK, webhooks.show_webhook, {200: schemas.WebhookView}),
    Route("DELETE", _WEBHOOK, webhooks.remove_webhook, {204: None}),
    Route("GET", f"{_WEBHOOK}/deliveries", webhooks.list_deliveries, {200: schemas.DeliveryPage}, query=_PAGE),
    Route(
        "POST", f"{_WEBHOOK}/deliveries/{{delivery_id}}/redeliver", webhooks.redeliver, {202: schemas.DeliveryView},
        requests.RedeliverBody, body_required=False, keyed=True, headers=("Retry-After",), problems=(409,),
    ),
    Route(
        "PUT", "/assessments/{assessment_id}/scores/{question_id}/override", scores.override_score, {200: Result},
        requests.OverrideBody, problems=(409,),
    ),
    Route(
        "POST", "/assessments/{assessment_id}/rescore", scores.rescore_assessment, {202: schemas.StatusView},
        requests.RescoreBody, keyed=True, headers=("Retry-After",), problems=(409, 410),
    ),
    Route(
        "GET", "/assessments/{assessment_id}/trace", trace.show_trace, {200: schemas.TraceView}, query=("run",),
        problems=(409,),
    ),
    Route(
        "POST", "/assessments/{assessment_id}/feedback", feedback.give_feedback, {201: schemas.FeedbackView},
        requests.FeedbackBody, keyed=True, problems=(409,),
    ),
    Route("GET", "/analytics/overview", analytics.overview, {200: schemas.OverviewAnalytics}, query=_PERIOD),
    Route(
        "GET", "/analytics/feedback", analytics.feedback_analytics, {200: schemas.FeedbackAnalytics},
        query=(*_PERIOD, "format"),
    ),
    Route("GET", "/analytics/scores", analytics.score_analytics, {200: schemas.ScoreAnalytics}, query=_PERIOD),
    Route(
        "GET", "/analytics/model-calls", analytics.model_call_analytics, {200: schemas.ModelCallAnalytics},
        query=_PERIOD,
    ),
    Route("GET", "/jobs", jobs.list_jobs, {200: schemas.JobPage}, query=("status", "job_type", *_PAGE)),
    Route(
        "POST", "/jobs/{job_id}/retry", jobs.retry_job, {202: schemas.JobLineView},
        requests.RetryBody, body_required=False, keyed=True, headers=("Retry-After",), problems=(409,),
    ),
    Route("GET", "/healthz", operations.alive, {200: None}, public=True),
    Route("GET", "/readyz", operations.ready, {200: None, 503: None}, public=True),
    Route("GET", "/metrics", operations.metrics, {200: None}, public=True),
    Route("GET", "/openapi.json", documentation.openapi, {200: None}, public=True),
    Route("GET", "/docs", documentation.docs, {200: None}, public=True),
    Route(
        "GET", "/docs/{name:docs\\.js|swagger-ui-bundle\\.js|swagger-ui\\.css}", documentation.docs_asset,
        {200: None}, public=True, documented=False,
    ),
)  # fmt: skip
