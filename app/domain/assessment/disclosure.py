"""What the owner of an assessment reads about its single theoretical questions."""

from dataclasses import dataclass

from app.domain.states import ShowCorrect


@dataclass(frozen=True, slots=True)
class Disclosure:
    """Whether a reader gets the points and the correctness of single theoretical questions (`answers`), and with them
    the `explanations`. Everybody gets the totals."""

    answers: bool
    explanations: bool


# Advisors and admins read everything.
FULL_DISCLOSURE = Disclosure(answers=True, explanations=True)


def disclosure_to_owner(show_correct: ShowCorrect, show_explanations: bool, is_last_attempt: bool) -> Disclosure:
    """What the track's settings show to the owner. `is_last_attempt` says whether the track permits no attempt after
    this one; without a limit that is never so."""
    answers = show_correct is ShowCorrect.ALWAYS or (show_correct is ShowCorrect.LAST_ATTEMPT and is_last_attempt)
    return Disclosure(answers=answers, explanations=answers and show_explanations)
