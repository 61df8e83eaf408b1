"""What one version of a question has changed, in words for authors."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.domain.assessment.questions import ProfileInput, ProfilePurpose, QuestionBody
from app.domain.records.catalog import QuestionVersion
from app.pages.form_values import number_text

# Fields as forms and changes name them.
LABELS = {
    "prompt": "Question",
    "weight": "Points",
    "skills": "Skills",
    "pinned": "Pin it",
    "options": "Options",
    "correct_options": "Right options",
    "partial_credit": "Give points for a part",
    "explanation": "Explanation",
    "input": "Students answer with",
    "purpose": "It is asked to know",
    "scale": "Scale",
    "scale/min": "From",
    "scale/max": "To",
    "model_answer": "Model answer",
    "rubric": "What earns points",
    "rubric/relevance": "Relevance",
    "rubric/depth": "Depth",
    "rubric/clarity": "Clarity",
    "rubric/technical": "Technical accuracy",
    "max_characters": "Most characters of an answer",
}
INPUTS = (
    (ProfileInput.SINGLE, "one of several options"),
    (ProfileInput.MULTIPLE, "any of several options"),
    (ProfileInput.SCALE, "a number on a scale"),
    (ProfileInput.NUMBER, "a number"),
    (ProfileInput.TEXT, "a text"),
)
PURPOSES = (
    (ProfilePurpose.LEVEL, "how far the student is"),
    (ProfilePurpose.GOAL, "what the student aims for"),
    (ProfilePurpose.INTEREST, "what interests the student"),
    (ProfilePurpose.EXPERIENCE, "what the student has done"),
    (ProfilePurpose.FORMAT, "how the student likes to learn"),
    (ProfilePurpose.OTHER, "something else"),
)
_NAMES: Mapping[str, Mapping[str, str]] = {"input": dict(INPUTS), "purpose": dict(PURPOSES)}


@dataclass(frozen=True)
class Change:
    """A field of a question, before and after."""

    label: str
    before: str
    after: str


def changes(version: QuestionVersion, former: QuestionVersion | None) -> tuple[Change, ...]:
    """The fields that differ from the version before; of the first version all that have a value."""
    before, after = _texts(former.body) if former else {}, _texts(version.body)
    return tuple(
        Change(label, before.get(name, ""), after.get(name, ""))
        for name, label in LABELS.items()
        if before.get(name, "") != after.get(name, "")
    )


def _texts(body: QuestionBody) -> dict[str, str]:
    texts = {name: _text(value) for name, value in body.model_dump(mode="json").items()}
    return {name: _NAMES.get(name, {}).get(text, text) for name, text in texts.items()}


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float():
            return number_text(value)
        case {"id": option_id, "text": text}:
            return f"{option_id}: {text}"
        case dict():
            return "\n".join(f"{name}: {text}" for name, text in value.items())
        case list():
            return "\n".join(map(_text, value))
        case _:
            return str(value)
