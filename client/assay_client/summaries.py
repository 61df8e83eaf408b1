"""Assessments in lists, as frozen models."""

from datetime import datetime
from uuid import UUID

from assay_client.models import Model


class AssessmentSummary(Model):
    """An assessment in a list; `overall_percentage` is None without a result, `needs_review` for students."""

    assessment_id: UUID
    track: str
    owner: str
    owner_issuer: str | None = None
    status: str
    degraded: bool
    needs_review: bool | None = None
    overall_percentage: float | None = None
    created_at: datetime
    expires_at: datetime
    submitted_at: datetime | None = None
    completed_at: datetime | None = None
