"""Starting an assessment, or continuing the open one of the same track."""

from uuid import UUID, uuid4

from app.domain.assessment.tracks import QuestionMix
from app.domain.errors import BankTooSmall, Conflict, OwnerStartLimit
from app.domain.records.assessments import Assessment
from app.domain.records.catalog import Track
from app.domain.states import AuditAction, AuditEntity, QuestionType
from app.domain.text import count_of
from app.repositories import assessments, audit, questions
from app.repositories.sql import Connection
from app.services.assessments.lookup import find_assessment
from app.services.catalog import tracks

# A start that another one of the same owner has overtaken is tried again.
_MAX_TRIES = 5


async def start(conn: Connection, owner: str, track_slug: str, ttl: int, per_day: int) -> tuple[Assessment, bool]:
    """The owner's open assessment of the track, and whether it was started now. A new one is open for `ttl` seconds.
    Within 24 hours the owner may start `per_day`.

    Raises:
        NotFound: there is no such track.
        AttemptsUsed, RetakeTooSoon: the track does not permit another attempt, or not yet.
        BankTooSmall: the track has fewer active questions than its mix needs.
        OwnerStartLimit: the owner has started too many within a day.
    """
    track = await tracks.find(conn, track_slug)
    await assessments.expire_if_overdue(conn, owner, track.id)
    for _ in range(_MAX_TRIES):
        # Read before the open one: if that is the last permitted attempt, it is resumed.
        attempts = await assessments.read_attempts(conn, owner, track.id)
        open_id = await assessments.find_open(conn, owner, track.id)
        if open_id is not None:
            return await find_assessment(conn, open_id), False
        attempts.check()
        new_id, drawn = uuid4(), await _draw(conn, track)
        await _check_starts(conn, owner, track.id, per_day)
        if await assessments.start(conn, new_id, owner, track.id, ttl, drawn):
            await audit.record_if_key(conn, owner, AuditAction.CREATE, AuditEntity.ASSESSMENT, str(new_id))
            return await find_assessment(conn, new_id), True
    raise Conflict("other requests start and submit assessments of this track at the same time; try again")


async def _draw(conn: Connection, track: Track) -> list[tuple[UUID, int]]:
    drawn = await questions.draw(conn, track.id, track.body.question_mix)
    if len(drawn) < track.body.question_mix.total:
        raise BankTooSmall(_shortage(track.body.question_mix, await questions.count_by_type(conn, track.id)))
    return drawn


async def _check_starts(conn: Connection, owner: str, track_id: UUID, per_day: int) -> None:
    """Raises OwnerStartLimit if one more start is too many. Other starts of the owner wait until this one is
    committed; one that has waited may find the assessment that the other has started, and resumes it."""
    seconds = await assessments.lock_owner_to_start(conn, owner, per_day)
    if seconds is not None and await assessments.find_open(conn, owner, track_id) is None:
        raise OwnerStartLimit(per_day, seconds)


def _shortage(mix: QuestionMix, available: dict[QuestionType, int]) -> str:
    shortages = [
        f"{count_of(mix.of(kind), f'{kind} question')} needed, {available.get(kind, 0)} available"
        for kind in QuestionType
        if mix.of(kind) > available.get(kind, 0)
    ]
    return f"the track has too few questions: {'; '.join(shortages)}"
