"""Routes of a student's assessments: answers, status, result, webhook, and what staff do with one of them."""

from app import schemas
from app.http.access import OWNER, OWNER_OR_ADMIN, OWNER_OR_STAFF, STAFF, STAFF_FOR_OTHERS, STUDENTS, AccessRule
from app.schemas import requests
from app.web.handlers import appeals, assessments, feedback, scores, status, trace, webhooks
from app.web.route import PAGE, Route

# Students list their own assessments, staff those of everyone.
_STUDENTS_AND_STAFF = AccessRule(roles=STUDENTS.roles | STAFF.roles, staff_query=frozenset({"needs_review"}))
_WEBHOOK = "/assessments/{assessment_id}/webhook"

ASSESSMENT_ROUTES = (
    Route(
        "POST", "/assessments", assessments.start_assessment, STUDENTS,
        {201: schemas.AssessmentView, 200: schemas.AssessmentView}, requests.NewAssessment, keyed=True, problems=(409,),
    ),
    Route(
        "GET", "/assessments", assessments.list_assessments, _STUDENTS_AND_STAFF, {200: schemas.AssessmentPage},
        query=("track", "status", "degraded", "needs_review", *PAGE),
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
        query=PAGE,
    ),
    Route(
        "GET", f"{_WEBHOOK}/deliveries/{{delivery_id}}/attempts", webhooks.list_attempts, OWNER_OR_ADMIN,
        {200: schemas.AttemptPage}, query=PAGE,
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
)  # fmt: skip
