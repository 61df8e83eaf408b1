"""What a student's profile answers say in words, and quotes of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

from app.domain.assessment.answers import Answer, is_empty
from app.domain.assessment.questions import ProfileInput, ProfilePurpose, ProfileQuestion, Question
from app.domain.essay.visible_text import VisibleText, visible_text
from app.domain.recommendation.clauses import Stance, read_clauses
from app.domain.result.model import AnswerQuote

# What a model reads of them: as much as people write, and a bound for those who paste a book.
_MAX_TEXTS, _MAX_CHARACTERS = 40, 2_000
# Letters and digits of a quote that can show something: "Go" is one, and a comma is none.
_MIN_QUOTE_LENGTH = 2


@dataclass(frozen=True)
class ProfileText:
    """The words of an answer: the student's own, or those of the chosen option. `purpose` says what the question is
    for."""

    question_id: UUID
    purpose: ProfilePurpose
    text: str
    option_id: str | None = None

    @cached_property
    def visible(self) -> VisibleText:
        """What a model reads of it."""
        return visible_text(self.text[:_MAX_CHARACTERS])

    def find_quote(self, quote: str) -> AnswerQuote | None:
        """The quote with its place in the text; None if it is not in it or has nothing to see."""
        place = self.visible.find_quote(quote)
        if place is None or sum(map(str.isalnum, place.quote)) < _MIN_QUOTE_LENGTH:
            return None
        return AnswerQuote(
            question_id=self.question_id,
            option_id=self.option_id,
            quote=place.quote,
            start=place.start,
            end=place.end,
        )


def profile_texts(questions: Iterable[Question], answers: Mapping[UUID, Answer]) -> tuple[ProfileText, ...]:
    """The texts of the answers, and of the options that were chosen, in the order of the questions; of a bounded
    number."""
    texts: list[ProfileText] = []
    for question in questions:
        body, answer = question.body, answers.get(question.question_id)
        if isinstance(body, ProfileQuestion) and not is_empty(answer):
            texts += _texts(question.question_id, body, answer)
    return tuple(texts[:_MAX_TEXTS])


def quotable(wishes: Sequence[str], texts: Sequence[ProfileText]) -> tuple[str, ...]:
    """The wishes in pieces that can be quoted: one that leaves out what was refused in between in its clauses."""
    pieces: list[str] = []
    for wish in wishes:
        if any(wish in text.text for text in texts):
            pieces.append(wish)
        else:
            pieces += [
                clause.words
                for text in texts
                for clause in read_clauses(text.text)
                if clause.stance is Stance.WANTED and clause.words in wish
            ]
    return tuple(dict.fromkeys(pieces))


def _texts(question_id: UUID, body: ProfileQuestion, answer: Answer) -> Sequence[ProfileText]:
    if body.input is ProfileInput.TEXT:
        return [ProfileText(question_id, body.purpose, str(answer))]
    chosen = answer if isinstance(answer, tuple) else (answer,)
    return [
        ProfileText(question_id, body.purpose, option.text, option.id) for option in body.options if option.id in chosen
    ]
