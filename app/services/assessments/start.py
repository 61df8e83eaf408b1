"""Starting an assessment, or going on with the open one."""

from uuid import UUID, uuid4

from app.domain.assessment.tracks import QuestionMix
from app.domain.errors import BankTooSmall, Conflict
from app.domain.records.assessments import Assessment
from app.domain.states import QuestionType
from app.repositories import assessments, questions
from app.repositories.sql import Connection
from app.services.catalog import tracks


async def start(conn: Connection, owner: str, track_slug: str, ttl: int) -> tuple[Assessment, bool]:
    """The owner's open assessment of the track, and whether it is new. `ttl` in seconds.

    Raises:
        NotFound: there is no such track.
        BankTooSmall: the track has fewer questions than its mix asks for.
    """
    track = await tracks.find(conn, track_slug)
    await assessments.expire_open(conn, owner, track.id)
    open_id = await assessments.find_open(conn, owner, track.id)
    if open_id is not None:
        return await _existing(conn, open_id), False
    drawn = await questions.draw(conn, track.id, track.body.question_mix)
    if len(drawn) < track.body.question_mix.total:
        raise BankTooSmall(_missing(track.body.question_mix, await questions.bank_size(conn, track.id)))
    new_id = uuid4()
    if await assessments.start(conn, new_id, owner, track.id, ttl, drawn):
        return await _existing(conn, new_id), True
    return await _other_start(conn, owner, track.id), False


async def _other_start(conn: Connection, owner: str, track_id: UUID) -> Assessment:
    """The assessment that another request of the same owner started at the same moment."""
    open_id = await assessments.find_open(conn, owner, track_id)
    if open_id is None:
        raise Conflict("another request changed the open assessment of this track; try again")
    return await _existing(conn, open_id)


async def _existing(conn: Connection, assessment_id: UUID) -> Assessment:
    assessment = await assessments.read(conn, assessment_id)
    if assessment is None:
        raise RuntimeError("an assessment went away")
    return assessment


def _missing(mix: QuestionMix, bank: dict[QuestionType, int]) -> str:
    short = [
        f"{mix.of(kind)} {kind} questions are needed, {bank.get(kind, 0)} are there"
        for kind in QuestionType
        if mix.of(kind) > bank.get(kind, 0)
    ]
    return f"the track's question bank is too small: {'; '.join(short)}"
