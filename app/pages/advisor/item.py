"""The page to judge one score: opening it holds the item for its reader."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from aiohttp import web

from app.domain.assessment.questions import EssayQuestion, ProfileQuestion, Question, TheoreticalQuestion
from app.domain.errors import Forbidden, ReservedByOther
from app.domain.essay.score import DimensionName
from app.domain.principal import display_name
from app.domain.records.appeals import QuestionAppeal
from app.domain.records.reviews import Reservation, ReviewItem
from app.domain.result.model import EssayLine
from app.domain.states import AppealStatus
from app.http.app_keys import ACCESS, CONTEXT
from app.http.request_values import path_id
from app.http.sessions import PAGES
from app.pages.advisor.addresses import REVIEW, Reviewing, reviewing
from app.pages.advisor.score_table import score_table
from app.pages.advisor.wording import REASONS, flag_texts, shown_suspicion
from app.pages.evidence import segments
from app.pages.rendering import render
from app.services.results import appeals, override, reviewed_question, reviews
from app.services.results.reviewed_question import ReviewedQuestion, prompt_of


@dataclass(frozen=True)
class Typed:
    """What was typed into a form that was not accepted, and what is wrong: with the whole (`fault`) or by field."""

    fields: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    fault: str | None = None


async def show_item(request: web.Request) -> web.StreamResponse:
    """The question with its answer and all points, reserved for the reader; or who has it."""
    reviewed = await find_reviewed(request)
    if request.method == "HEAD":
        return web.Response()
    try:
        reservation = await reserve(request)
    except ReservedByOther as error:
        return await render_held(request, error)
    return await render_item(request, reviewed, reservation)


async def find_question(request: web.Request) -> Question:
    """The question of an assessment that the path names. Raises `NotFound`."""
    place = path_id(request, "assessment_id"), path_id(request, "question_id")
    return await override.find_question(request.app[CONTEXT].pool, *place)


async def find_reviewed(request: web.Request) -> ReviewedQuestion:
    """The question that the path names, if the caller may change its score. Raises `NotFound` or `Forbidden`, and where
    there is no result."""
    place = path_id(request, "assessment_id"), path_id(request, "question_id")
    return await reviewed_question.read(request.app[CONTEXT].pool, *place, request[ACCESS])


async def reserve(request: web.Request) -> Reservation:
    """Holds the item for the caller. Raises `ReservedByOther`."""
    place = path_id(request, "assessment_id"), path_id(request, "question_id")
    return await reviews.reserve(request.app[CONTEXT].pool, *place, request[ACCESS].caller.principal)


async def render_held(request: web.Request, error: ReservedByOther, texts: Sequence[str] = ()) -> web.Response:
    """The page that says who holds the item, and until when. It has the texts of a form that came too late."""
    pool, work = request.app[CONTEXT].pool, reviewing(request)
    place = path_id(request, "assessment_id"), path_id(request, "question_id")
    at = await find_place(request, work)
    holder = await reviews.holder(pool, *place)
    values = {
        "holder": display_name(holder.reserved_by) if holder else None,
        "until": holder.reserved_until if holder else None,
        "again": work.item(*place),
        "next": work.address(f"{REVIEW}/next", at=at),
        "queue": work.address(),
        "texts": texts,
    }
    response = render(request, "advisor/held.html", values, status=409)
    response.headers["Retry-After"] = str(error.retry_after)
    return response


async def render_item(
    request: web.Request,
    reviewed: ReviewedQuestion,
    reservation: Reservation,
    typed: Typed = Typed(),
    status: int = 200,
) -> web.Response:
    """The page of the item, with what was typed into its form before."""
    pool, work, person = request.app[CONTEXT].pool, reviewing(request), request[ACCESS].caller.principal
    queued = await reviews.find(pool, work.queue.order, reviewed.assessment_id, reviewed.question.question_id)
    at = queued[1] if queued else request.query.get("at")
    line, waits_for_answer = reviewed.line, is_appealed(reviewed)
    hidden = hides_machine(work, reviewed, person)
    values = {
        "work": work,
        "reviewed": reviewed,
        "essay": isinstance(reviewed.question.body, EssayQuestion),
        "line": line,
        "hidden": hidden,
        "own_points_in": line.override is not None and line.override.by == person,
        "reasons": _reasons(queued[0] if queued else None, hidden=hidden),
        "flags": [] if hidden else flag_texts(line),
        "suspicion": shown_suspicion(line),
        "table": None if hidden else score_table(line),
        "segments": _segments(reviewed, hidden=hidden),
        "choices": _choices(reviewed),
        "dimension_names": tuple(DimensionName),
        "prompt": prompt_of(reviewed.question, reviewed.answer),
        "appeal": reviewed.appeal,
        "waits_for_answer": waits_for_answer,
        "why_not": await _why_not(request, reviewed.appeal) if reviewed.appeal and waits_for_answer else None,
        "left": await reviews.count(pool, work.queue),
        "until": reservation.reserved_until,
        "seen": version(reviewed, person),
        "typed": typed,
        "addresses": _addresses(work, reviewed, at),
    }
    return render(request, "advisor/item.html", values, status=status)


async def find_place(request: web.Request, work: Reviewing) -> str | None:
    """The cursor of the item's place in the queue; where it was, if it is not in the queue any more."""
    place = path_id(request, "assessment_id"), path_id(request, "question_id")
    queued = await reviews.find(request.app[CONTEXT].pool, work.queue.order, *place)
    return queued[1] if queued else request.query.get("at")


def is_appealed(reviewed: ReviewedQuestion) -> bool:
    """Whether an appeal of the question waits for an answer."""
    return reviewed.appeal is not None and reviewed.appeal.status is AppealStatus.OPEN


def hides_machine(work: Reviewing, reviewed: ReviewedQuestion, person: str) -> bool:
    """Whether the machine's points are hidden from the person: in blind mode, until theirs are in. An answer to an
    appeal may lower no points, so whoever answers has to know them."""
    given_by = reviewed.line.override.by if reviewed.line.override else None
    return work.blind and given_by != person and not is_appealed(reviewed)


def version(reviewed: ReviewedQuestion, person: str) -> str:
    """A text that changes with everything that the page shows of the points, except with the person's own: a form that
    is sent twice is no surprise."""
    line = reviewed.line
    if line.override and line.override.by == person:
        line = line.model_copy(update={"override": None})
    appealed = reviewed.appeal.appeal_id if reviewed.appeal else ""
    return sha256(f"{appealed}{line.model_dump_json()}".encode()).hexdigest()[:16]


async def _why_not(request: web.Request, appeal: QuestionAppeal) -> str | None:
    """Why the caller may not answer the appeal; None if they may."""
    try:
        await appeals.find_answerable(request.app[CONTEXT].pool, appeal.appeal_id, request[ACCESS])
    except Forbidden as error:
        return error.detail
    return None


def _reasons(item: ReviewItem | None, *, hidden: bool) -> list[str]:
    reasons = [REASONS[reason] for reason in item.reasons] if item else []
    if item and item.confidence is not None and not hidden:
        reasons.append(f"confidence {item.confidence:.2f}")
    return reasons


def _segments(reviewed: ReviewedQuestion, *, hidden: bool) -> object:
    line = reviewed.line
    dimensions = line.dimensions if isinstance(line, EssayLine) and not hidden else None
    return segments(str(reviewed.answer or ""), dimensions)


def _choices(reviewed: ReviewedQuestion) -> list[dict[str, object]]:
    """The options of a choice question: which were chosen, and which are right where there is a key."""
    body = reviewed.question.body
    if not isinstance(body, TheoreticalQuestion | ProfileQuestion):
        return []
    answer = reviewed.answer if isinstance(reviewed.answer, tuple) else (reviewed.answer,)
    right = body.correct_options if isinstance(body, TheoreticalQuestion) else ()
    return [
        {"text": option.text, "chosen": option.id in answer, "right": option.id in right} for option in body.options
    ]


def _addresses(work: Reviewing, reviewed: ReviewedQuestion, at: str | None) -> dict[str, str]:
    place = reviewed.assessment_id, reviewed.question.question_id
    unblinded = Reviewing(work.queue, blind=not work.blind)
    return {
        "next": work.address(f"{REVIEW}/next", at=at),
        "previous": work.address(f"{REVIEW}/previous", at=at),
        "queue": work.address(),
        "agree": work.item(*place, "/agree", at=at),
        "points": work.item(*place, "/points", at=at),
        "skip": work.item(*place, "/skip", at=at),
        "answer": work.item(*place, "/appeal", at=at),
        "release": work.item(*place, "/release"),
        "other_mode": unblinded.item(*place, at=at),
        "trace": f"{PAGES}/assessments/{reviewed.assessment_id}/trace",
        "result": f"{PAGES}/assessments/{reviewed.assessment_id}",
    }
