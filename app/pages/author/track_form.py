"""The form of a track: its fields, and what they mean for the secrecy of answer keys, in plain words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.domain.assessment.tracks import TrackBody
from app.domain.errors import InvalidFields
from app.domain.recommendation.credentials import split_skills
from app.domain.states import QuestionType, ShowCorrect
from app.domain.text import count_of
from app.pages.form_values import FormValues, errors_by_field, number, number_text
from app.pages.forms import Form

_MIX = tuple(f"question_mix/{kind}" for kind in QuestionType)
_LABELS = {
    "slug": "Short name",
    "name": "Name",
    "description": "Description",
    "skills": "Skills",
    "question_mix": "Questions in each assessment",
    "question_mix/theoretical": "Theoretical",
    "question_mix/profile": "Profile",
    "question_mix/essay": "Essays",
    "attempts": "How often a student may start it",
    "retake_after_hours": "Hours between two attempts",
    "show_correct": "Students read which theoretical answers were right",
    "show_explanations": "They read the explanations there, too",
}
NEW_TRACK = FormValues({**dict.fromkeys(_MIX, "3"), "retake_after_hours": "0", "show_explanations": "yes"})
SHOW_CORRECT = (
    (ShowCorrect.ALWAYS, "with every result"),
    (ShowCorrect.LAST_ATTEMPT, "with the result of the last attempt only"),
    (ShowCorrect.NEVER, "never"),
)


def track_values(body: TrackBody) -> FormValues:
    """The form of a track that exists."""
    mix = {f"question_mix/{kind}": str(body.question_mix.of(kind)) for kind in QuestionType}
    return FormValues({
        "slug": body.slug, "name": body.name, "description": body.description, "skills": "\n".join(body.skills), **mix,
        "attempts": number_text(body.attempts), "retake_after_hours": number_text(body.retake_after_hours),
        "show_correct": body.show_correct, "show_explanations": "yes" if body.show_explanations else "",
    })  # fmt: skip


def track_fields(form: Form) -> dict[str, Any]:
    """The fields of the track that was typed, without its slug, to be validated."""
    return {
        "name": form.get("name", "").strip(),
        "description": form.get("description", ""),
        "skills": split_skills(form.get("skills", "")),
        "question_mix": {str(kind): number(form.get(f"question_mix/{kind}") or "0") for kind in QuestionType},
        "attempts": number(form["attempts"]) if form.get("attempts", "").strip() else None,
        "retake_after_hours": number(form.get("retake_after_hours") or "0"),
        "show_correct": form.get("show_correct", ""),
        "show_explanations": "show_explanations" in form,
    }


def refused_track(form: Form, error: InvalidFields) -> FormValues:
    """The form as it was typed, with what is wrong."""
    return FormValues({name: form.get(name, "") for name in _LABELS}, errors_by_field(error, _LABELS), _LABELS)


@dataclass(frozen=True)
class Secrecy:
    """What the settings mean for the secrecy of answer keys, and whether one should think about them."""

    text: str
    risky: bool


def key_secrecy(body: TrackBody) -> Secrecy:
    """What students can find out about the right answers."""
    limit, explained = body.attempts, " and the explanations" if body.show_explanations else ""
    if body.show_correct is ShowCorrect.ALWAYS and limit is None:
        text = (
            f"Students read with every result which answers were right{explained}, and may try as often as they like. "
            "The right answers can be found by trying often enough. Limit the attempts, or show right "
            "answers with the last attempt only."
        )
        return Secrecy(text, risky=True)
    if body.show_correct is ShowCorrect.ALWAYS:
        text = (
            f"Students read with every result which answers were right{explained}, and have "
            f"{count_of(limit or 0, 'attempt')}."
        )
        again = " A later attempt may ask what an earlier one has told them." if limit != 1 else ""
        return Secrecy(text + again, risky=limit != 1)
    if body.show_correct is ShowCorrect.LAST_ATTEMPT and limit is not None:
        text = (
            f"Students read which answers were right{explained} with their last attempt ({limit}), when it helps them "
            "no more. They can still tell others."
        )
        return Secrecy(text, risky=False)
    text = "Students never read which answers were right, only the total of each part."
    if body.show_correct is ShowCorrect.LAST_ATTEMPT:
        text = f"Without a limit there is no last attempt, so this means “never”. {text}"
    if limit is None:
        text += " With very many attempts, the totals still tell something; a limit prevents that."
    return Secrecy(text, risky=False)


@dataclass(frozen=True)
class BankLine:
    """How many questions of a type an assessment needs and the track has."""

    type: QuestionType
    needed: int
    available: int

    @property
    def enough(self) -> bool:
        """Whether the track can be started as far as this type is concerned."""
        return self.available >= self.needed


def bank_lines(body: TrackBody, available: Mapping[QuestionType, int]) -> tuple[BankLine, ...]:
    """A line for each type of question."""
    return tuple(BankLine(kind, body.question_mix.of(kind), available.get(kind, 0)) for kind in QuestionType)
