"""Appeals in the API: their owner reads no names, staff do."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from app.domain.principal import Principal, issuer_of
from app.domain.records.appeals import AppealRecord, QuestionAppeal
from app.domain.states import QuestionType
from app.domain.values import Frozen


class AppealView(QuestionAppeal):
    """An appeal as its owner sees it."""

    assessment_id: UUID
    question_id: UUID


class StaffAppealView(AppealView):
    """An appeal as staff see it; `points_by` is who gave the points that count today, null if that was no person.
    `owner_issuer` tells people with the same `sub` apart; null where tokens are signed with a secret."""

    question_type: QuestionType
    track: str
    owner: Principal
    owner_issuer: str | None
    answered_by: Principal | None
    points_by: Principal | None


class AppealPage(Frozen):
    """A page of appeals."""

    items: tuple[StaffAppealView, ...]
    next_cursor: str | None


def appeal_view(appeal: AppealRecord) -> AppealView:
    """The appeal for its owner."""
    return AppealView(**_fields(appeal, AppealView))


def staff_appeal_view(appeal: AppealRecord) -> StaffAppealView:
    """The appeal for staff."""
    fields = _fields(appeal, StaffAppealView) | {"owner_issuer": issuer_of(appeal.owner)}
    return StaffAppealView(**fields)


def appeal_page(appeals: Iterable[AppealRecord], next_cursor: str | None) -> AppealPage:
    """A page of appeals for staff."""
    return AppealPage(items=tuple(map(staff_appeal_view, appeals)), next_cursor=next_cursor)


def _fields(appeal: AppealRecord, model: type[Frozen]) -> dict[str, Any]:
    return {name: getattr(appeal, name) for name in model.model_fields if name in AppealRecord.model_fields}
