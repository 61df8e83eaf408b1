"""All routes of the API in one table. The server and the OpenAPI document are made from it."""

from app.http.access import FindTarget
from app.web.handlers import (
    api_keys,
    appeals,
    assessments,
    credentials,
    jobs,
    people,
    questions,
    scores,
    subscriptions,
    tracks,
    webhooks,
)
from app.web.route import Route
from app.web.route_tables.administration import ADMINISTRATION_ROUTES
from app.web.route_tables.assessments import ASSESSMENT_ROUTES
from app.web.route_tables.catalog import CATALOG_ROUTES
from app.web.route_tables.operations import OPERATIONS_ROUTES
from app.web.route_tables.staff import STAFF_ROUTES

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


ROUTES = (
    *CATALOG_ROUTES,
    *ASSESSMENT_ROUTES,
    *STAFF_ROUTES,
    *ADMINISTRATION_ROUTES,
    *OPERATIONS_ROUTES,
)
