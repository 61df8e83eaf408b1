"""Examples of the OpenAPI document: on a server with the sample data, each request can be sent as it stands."""

from typing import Any

from app.sample_data import sample_id

_TRACK = "backend-engineer"

# Values of the last parameter of a path. Ids of assessments and of what belongs to them exist only once they are made.
PATH_EXAMPLES: dict[str, str] = {
    "/tracks/{slug}": _TRACK,
    "/tracks/{slug}/restore": _TRACK,
    "/questions/{question_id}": str(sample_id("be-t-http-idempotency")),
    "/questions/{question_id}/restore": str(sample_id("be-t-http-idempotency")),
    "/credentials/{credential_id}": str(sample_id("aws-developer-associate")),
}

# Bodies by method and path.
BODY_EXAMPLES: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/tracks"): {
        "slug": "site-reliability-engineer",
        "name": "Site Reliability Engineer",
        "description": "Keeps services running, and makes failures cheap.",
        "skills": ["observability", "containers"],
        "question_mix": {"theoretical": 3, "profile": 2, "essay": 1},
    },
    ("POST", "/tracks/{slug}/restore"): {},
    ("POST", "/questions/{question_id}/restore"): {},
    ("PATCH", "/tracks/{slug}"): {"description": "Builds the part of a service that runs on servers."},
    ("POST", "/questions"): {
        "track": _TRACK,
        "type": "theoretical",
        "prompt": "Which status code says that a client has sent too many requests?",
        "options": [{"id": "A", "text": "403"}, {"id": "B", "text": "429"}, {"id": "C", "text": "503"}],
        "correct_options": ["B"],
        "skills": ["http"],
        "explanation": "RFC 6585 defines 429 Too Many Requests.",
    },
    ("PATCH", "/questions/{question_id}"): {"weight": 2},
    ("POST", "/credentials"): {
        "title": "Reading Query Plans",
        "provider": "Example Academy",
        "url": "https://academy.example/query-plans",
        "level": "intermediate",
        "skills": ["sql"],
        "description": "How a database carries out a query, and which index makes it quick.",
        "language": "en",
        "external_id": "EA-1042",
    },
    ("PATCH", "/credentials/{credential_id}"): {"level": "advanced"},
    ("POST", "/assessments"): {"track": _TRACK},
    # Which questions an assessment has is drawn when it starts, so no answer would fit each one.
    ("PATCH", "/assessments/{assessment_id}/responses"): {"responses": []},
    ("POST", "/assessments/{assessment_id}/submit"): {"responses": []},
    ("POST", "/assessments/{assessment_id}/webhook"): {"webhook_url": "https://hooks.example/assay"},
    ("POST", "/assessments/{assessment_id}/webhook/deliveries/{delivery_id}/redeliver"): {},
    ("PUT", "/assessments/{assessment_id}/scores/{question_id}/override"): {
        "score": 0.5,
        "reason": "The answer names the cause, but no remedy.",
    },
    ("PUT", "/assessments/{assessment_id}/scores/{question_id}/review"): {"agree": True},
    ("POST", "/assessments/{assessment_id}/scores/{question_id}/appeal"): {
        "text": "My second paragraph names the remedy, and the rationale says that none is there.",
    },
    ("PUT", "/appeals/{appeal_id}"): {
        "decision": "changed",
        "reply": "The remedy is there: half of the points for depth.",
        "score": 0.75,
    },
    ("POST", "/reviews/{assessment_id}/{question_id}/reserve"): {},
    ("POST", "/assessments/{assessment_id}/rescore"): {"reason": "The rubric was corrected."},
    ("POST", "/assessments/{assessment_id}/feedback"): {
        "relevance": 4,
        "acceptance": 5,
        "comment": "The second course fits well.",
    },
    ("POST", "/webhooks"): {
        "url": "https://hooks.example/assay",
        "events": ["assessment.completed", "assessment.failed"],
        "track": _TRACK,
    },
    ("PATCH", "/webhooks/{subscription_id}"): {"active": False},
    ("POST", "/webhooks/{subscription_id}/deliveries/{delivery_id}/redeliver"): {},
    ("POST", "/jobs/{job_id}/retry"): {},
    ("POST", "/api-keys"): {"name": "Learning platform", "roles": ["advisor"], "expires_in_days": 90},
    ("POST", "/api-keys/{key_id}/rotate"): {"overlap_seconds": 3600},
}
