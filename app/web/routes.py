"""All routes of the API in one table. The server and the OpenAPI document are made from it."""

from app import schemas
from app.domain.assessment.questions import EssayQuestion, ProfileQuestion, TheoreticalQuestion
from app.domain.assessment.tracks import TrackBody
from app.domain.recommendation.credentials import CredentialBody
from app.domain.records.jobs import JobRecord
from app.domain.records.reviews import Reservation
from app.http.access import (
    ADMINS,
    AUTHORS,
    EVERYONE,
    MONITORING,
    OWNER,
    OWNER_OR_ADMIN,
    OWNER_OR_STAFF,
    PUBLIC,
    READERS,
    STAFF,
    STAFF_FOR_OTHERS,
    STUDENTS,
    AccessRule,
    FindTarget,
)
from app.schemas import requests
from app.web.handlers import (
    analytics,
    api_keys,
    appeals,
    assessments,
    audit,
    credentials,
    documentation,
    feedback,
    gradebook,
    jobs,
    operations,
    people,
    questions,
    reviews,
    scores,
    status,
    subscriptions,
    trace,
    tracks,
    webhooks,
)
from app.web.route import Route

# Students list their own assessments, staff those of everyone.
_STUDENTS_AND_STAFF = AccessRule(roles=STUDENTS.roles | STAFF.roles, staff_query=frozenset({"needs_review"}))

# What loads the resource that a path names, by the whole path or by the path up to its last parameter.
_FIND_TARGET: dict[str, FindTarget] = {
    "/tracks/{slug}": tracks.find_track,
    "/tracks/{slug}/restore": tracks.find_known_track,
    "/questions/{question_id}": questions.find_question,
    "/questions/{question_id}/restore": questions.find_known_question,
    "/credentials/{credential_id}": credentials.find_credential,
    "/assessments/{assessment_id}": assessments.find_assessment,
    "/assessments/{assessment_id}/scores/{question_id}": scores.find_question,
    "/reviews/{assessment_id}/{question_id}": scores.find_question,
    "/assessments/{assessment_id}/webhook/deliveries/{delivery_id}": webhooks.find_delivery,
    "/webhooks/{subscription_id}": subscriptions.find_subscription,
    "/webhooks/{subscription_id}/deliveries/{delivery_id}": subscriptions.find_delivery,
    "/jobs/{job_id}": jobs.find_job,
    "/api-keys/{key_id}": api_keys.find_api_key,
    "/appeals/{appeal_id}": appeals.find_appeal,
    "/erasures/{erasure_id}": people.find_erasure,
}


def find_target(route: Route) -> FindTarget | None:
    """What loads the resource that the route's path names; None for a public route and a path without parameters."""
    named = route.path[: route.path.rfind("}") + 1]
    if not named or route.access.public:
        return None
    # Nobody who may not read about people learns which of them are stored.
    if named == "/people/{sub}":
        return None
    return _FIND_TARGET.get(route.path) or _FIND_TARGET[named]


_PAGE = ("limit", "cursor")
_PERIOD = ("track", "from", "to")
_REVIEW = "/reviews/{assessment_id}/{question_id}"
_WEBHOOK = "/assessments/{assessment_id}/webhook"
_SUBSCRIPTION = "/webhooks/{subscription_id}"
_QUESTION = TheoreticalQuestion | ProfileQuestion | EssayQuestion

ROUTES = (
    Route("GET", "/tracks", tracks.list_tracks, EVERYONE, {200: schemas.TrackPage}, query=_PAGE),
    Route(
        "POST", "/tracks", tracks.create_track, AUTHORS, {201: schemas.TrackView},
        TrackBody, keyed=True, problems=(409,),
    ),
    Route("GET", "/tracks/{slug}", tracks.show_track, EVERYONE, {200: schemas.TrackView}),
    Route(
        "PATCH", "/tracks/{slug}", tracks.patch_track, AUTHORS, {200: schemas.TrackView},
        TrackBody, patch=True, problems=(409,),
    ),
    Route("DELETE", "/tracks/{slug}", tracks.delete_track, AUTHORS, {204: None}),
    Route(
        "POST", "/tracks/{slug}/restore", tracks.restore_track, AUTHORS, {200: schemas.TrackView},
        requests.RestoreBody, body_required=False, problems=(409,),
    ),
    Route("GET", "/questions", questions.list_questions, READERS, {200: schemas.QuestionPage}, query=("track", *_PAGE)),
    Route(
        "POST", "/questions", questions.create_question, AUTHORS, {201: schemas.QuestionView},
        requests.NewQuestion, keyed=True,
    ),
    Route("GET", "/questions/{question_id}", questions.show_question, READERS, {200: schemas.QuestionView}),
    Route(
        "PATCH", "/questions/{question_id}", questions.patch_question, AUTHORS, {200: schemas.QuestionView},
        _QUESTION, patch=True,
    ),
    Route("DELETE", "/questions/{question_id}", questions.delete_question, AUTHORS, {204: None}),
    Route(
        "POST", "/questions/{question_id}/restore", questions.restore_question, AUTHORS, {200: schemas.QuestionView},
        requests.RestoreBody, body_required=False, problems=(409,),
    ),
    Route("GET", "/credentials", credentials.list_credentials, EVERYONE, {200: schemas.CredentialPage}, query=_PAGE),
    Route(
        "POST", "/credentials", credentials.create_credential, AUTHORS, {201: schemas.CredentialView},
        CredentialBody, keyed=True,
    ),
    Route(
        "GET", "/credentials/{credential_id}", credentials.show_credential, EVERYONE, {200: schemas.CredentialView},
        query=("version",),
    ),
    Route(
        "PATCH", "/credentials/{credential_id}", credentials.patch_credential, AUTHORS, {200: schemas.CredentialView},
        CredentialBody, patch=True,
    ),
    Route("DELETE", "/credentials/{credential_id}", credentials.delete_credential, AUTHORS, {204: None}),
    Route(
        "POST", "/assessments", assessments.start_assessment, STUDENTS,
        {201: schemas.AssessmentView, 200: schemas.AssessmentView}, requests.NewAssessment, keyed=True, problems=(409,),
    ),
    Route(
        "GET", "/assessments", assessments.list_assessments, _STUDENTS_AND_STAFF, {200: schemas.AssessmentPage},
        query=("track", "status", "degraded", "needs_review", *_PAGE),
    ),
    Route(
        "GET", "/assessments/{assessment_id}", assessments.show_assessment, OWNER_OR_STAFF,
        {200: schemas.AssessmentView},
    ),
    Route(
        "PATCH", "/assessments/{assessment_id}/responses", assessments.save_responses, OWNER, {200: schemas.SavedView},
        requests.SaveBody, problems=(409, 410),
    ),
    Route(
        "POST", "/assessments/{assessment_id}/submit", assessments.submit_assessment, OWNER,
        {202: schemas.SubmissionView}, requests.SubmitBody, body_required=False, keyed=True,
        headers=("Retry-After",), problems=(409, 410),
    ),
    Route(
        "GET", "/assessments/{assessment_id}/status", status.show_status, OWNER_OR_STAFF,
        {200: schemas.StatusView, 304: None}, query=("wait",),
        headers=("ETag", "Retry-After", "Preference-Applied"),
    ),
    Route(
        "GET", "/assessments/{assessment_id}/events", status.stream_events, OWNER_OR_STAFF, {200: None, 204: None},
        headers=("ETag",),
    ),
    Route(
        "GET", "/assessments/{assessment_id}/result", assessments.show_result, OWNER_OR_STAFF,
        {200: schemas.ResultView, 202: schemas.StatusView}, headers=("Retry-After",), problems=(409, 410),
    ),
    Route(
        "POST", _WEBHOOK, webhooks.register_webhook, OWNER,
        {201: schemas.RegisteredWebhookView, 200: schemas.RegisteredWebhookView}, requests.WebhookBody, problems=(410,),
    ),
    Route("GET", _WEBHOOK, webhooks.show_webhook, OWNER, {200: schemas.WebhookView}),
    Route("DELETE", _WEBHOOK, webhooks.remove_webhook, OWNER, {204: None}),
    Route(
        "GET", f"{_WEBHOOK}/deliveries", webhooks.list_deliveries, OWNER_OR_ADMIN, {200: schemas.DeliveryPage},
        query=_PAGE,
    ),
    Route(
        "GET", f"{_WEBHOOK}/deliveries/{{delivery_id}}/attempts", webhooks.list_attempts, OWNER_OR_ADMIN,
        {200: schemas.AttemptPage}, query=_PAGE,
    ),
    Route(
        "POST", f"{_WEBHOOK}/deliveries/{{delivery_id}}/redeliver", webhooks.redeliver, OWNER_OR_ADMIN,
        {202: schemas.DeliveryView}, requests.RedeliverBody, body_required=False, keyed=True,
        headers=("Retry-After",), problems=(409, 429),
    ),
    Route(
        "PUT", "/assessments/{assessment_id}/scores/{question_id}/override", scores.override_score, STAFF_FOR_OTHERS,
        {200: schemas.ResultView}, requests.OverrideBody | requests.DimensionsOverrideBody, problems=(409,),
    ),
    Route(
        "PUT", "/assessments/{assessment_id}/scores/{question_id}/review", scores.confirm_score, STAFF_FOR_OTHERS,
        {200: schemas.ResultView}, requests.ReviewBody, problems=(409,),
    ),
    Route(
        "POST", "/assessments/{assessment_id}/rescore", scores.rescore_assessment, STAFF_FOR_OTHERS,
        {202: schemas.StatusView}, requests.RescoreBody, keyed=True, headers=("Retry-After",), problems=(409, 410),
    ),
    Route(
        "GET", "/assessments/{assessment_id}/trace", trace.show_trace, STAFF, {200: schemas.TraceView}, query=("run",),
        problems=(409,),
    ),
    Route(
        "POST", "/assessments/{assessment_id}/feedback", feedback.give_feedback, OWNER_OR_STAFF,
        {201: schemas.FeedbackView}, requests.FeedbackBody, keyed=True, problems=(409,),
    ),
    Route(
        "POST", "/assessments/{assessment_id}/scores/{question_id}/appeal", appeals.make_appeal, OWNER,
        {201: schemas.AppealView}, requests.AppealBody, keyed=True, problems=(409,),
    ),
    Route("GET", "/appeals", appeals.list_appeals, STAFF, {200: schemas.AppealPage}, query=("status", *_PAGE)),
    Route(
        "PUT", "/appeals/{appeal_id}", appeals.answer_appeal, STAFF_FOR_OTHERS, {200: schemas.StaffAppealView},
        requests.AppealAnswerBody, problems=(409,),
    ),
    Route(
        "GET", "/reviews", reviews.list_reviews, STAFF, {200: schemas.ReviewPage},
        query=("track", "reason", "order", *_PAGE),
    ),
    Route(
        "POST", f"{_REVIEW}/reserve", reviews.reserve_review, STAFF_FOR_OTHERS, {200: Reservation},
        requests.ReserveBody, body_required=False, problems=(409,),
    ),
    Route("DELETE", f"{_REVIEW}/reserve", reviews.release_review, STAFF_FOR_OTHERS, {204: None}, problems=(409,)),
    Route(
        "GET", "/gradebook", gradebook.show_gradebook, STAFF, {200: schemas.Gradebook}, query=(*_PERIOD, "format"),
    ),
    Route("GET", "/analytics/overview", analytics.overview, READERS, {200: schemas.OverviewAnalytics}, query=_PERIOD),
    Route(
        "GET", "/analytics/feedback", analytics.feedback_analytics, READERS, {200: schemas.FeedbackAnalytics},
        query=(*_PERIOD, "format"),
    ),
    Route("GET", "/analytics/scores", analytics.score_analytics, READERS, {200: schemas.ScoreAnalytics}, query=_PERIOD),
    Route(
        "GET", "/analytics/model-calls", analytics.model_call_analytics, READERS, {200: schemas.ModelCallAnalytics},
        query=_PERIOD,
    ),
    Route("GET", "/jobs", jobs.list_jobs, ADMINS, {200: schemas.JobPage}, query=("status", "job_type", *_PAGE)),
    Route(
        "POST", "/jobs/{job_id}/retry", jobs.retry_job, ADMINS, {202: JobRecord},
        requests.RetryBody, body_required=False, keyed=True, headers=("Retry-After",), problems=(409,),
    ),
    Route("GET", "/webhooks", subscriptions.list_subscriptions, ADMINS, {200: schemas.SubscriptionPage}, query=_PAGE),
    Route(
        "POST", "/webhooks", subscriptions.create_subscription, ADMINS, {201: schemas.SubscriptionWithSecretView},
        requests.SubscriptionBody, headers=("Location",), problems=(409,),
    ),
    Route("GET", _SUBSCRIPTION, subscriptions.show_subscription, ADMINS, {200: schemas.SubscriptionView}),
    Route(
        "PATCH", _SUBSCRIPTION, subscriptions.patch_subscription, ADMINS, {200: schemas.SubscriptionWithSecretView},
        requests.SubscriptionBody, patch=True,
    ),
    Route("DELETE", _SUBSCRIPTION, subscriptions.delete_subscription, ADMINS, {204: None}),
    Route(
        "GET", f"{_SUBSCRIPTION}/deliveries", subscriptions.list_subscription_deliveries, ADMINS,
        {200: schemas.SubscriptionDeliveryPage}, query=_PAGE,
    ),
    Route(
        "GET", f"{_SUBSCRIPTION}/deliveries/{{delivery_id}}/attempts", subscriptions.list_subscription_attempts, ADMINS,
        {200: schemas.AttemptPage}, query=_PAGE,
    ),
    Route(
        "POST", f"{_SUBSCRIPTION}/deliveries/{{delivery_id}}/redeliver", subscriptions.redeliver_to_subscription,
        ADMINS, {202: schemas.SubscriptionDeliveryView}, requests.RedeliverBody, body_required=False, keyed=True,
        headers=("Retry-After",), problems=(409, 429),
    ),
    Route("GET", "/api-keys", api_keys.list_api_keys, ADMINS, {200: schemas.ApiKeyPage}, query=_PAGE),
    Route(
        "POST", "/api-keys", api_keys.create_api_key, ADMINS, {201: schemas.NewApiKeyView}, requests.NewApiKeyBody,
        headers=("Location",),
    ),
    Route("GET", "/api-keys/{key_id}", api_keys.show_api_key, ADMINS, {200: schemas.ApiKeyView}),
    Route("DELETE", "/api-keys/{key_id}", api_keys.revoke_api_key, ADMINS, {204: None}),
    Route(
        "POST", "/api-keys/{key_id}/rotate", api_keys.rotate_api_key, ADMINS, {201: schemas.NewApiKeyView},
        requests.RotateBody, headers=("Location",),
    ),
    Route(
        "GET", "/audit", audit.list_audit, ADMINS, {200: None},
        query=("actor", "entity", "key", "from", "to", "format"),
    ),
    Route("GET", "/me/export", people.export_me, EVERYONE, {200: None}),
    Route("GET", "/people/{sub}/export", people.export_person, ADMINS, {200: None}, query=("issuer",)),
    Route(
        "DELETE", "/people/{sub}", people.erase_person, ADMINS, {202: schemas.ErasureView}, query=("issuer",),
        headers=("Location", "Retry-After"),
    ),
    Route("GET", "/erasures/{erasure_id}", people.show_erasure, ADMINS, {200: schemas.ErasureView}),
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
