"""Compares two models' scores of one essay: if they differ much, a person should look.

The agreement of different models indicates that a score is right. Asking one model twice does not: it mostly repeats
itself.
"""

from app.domain.essay.score import EssayScore, SecondOpinion

# Of 100 points. Careful people who grade the same essay differ by about half of this.
MAX_DIFFERENCE = 20
NEEDS_REVIEW = "needs_review"
SECOND_OPINION_MISSING = "second_opinion_missing"
# What agreement adds to the confidence, and what disagreement takes away.
_AGREEMENT_BONUS, _DISAGREEMENT_COST = 0.1, 0.4
_MAX_CONFIDENCE, _MIN_CONFIDENCE = 0.95, 0.2


def with_second_opinion(first: EssayScore, second: EssayScore | None) -> EssayScore:
    """The first model's score with the second one's opinion; `second` is None where that model failed."""
    if second is None:
        return first.model_copy(update={"flags": _with(first, SECOND_OPINION_MISSING)})
    opinion = SecondOpinion(model=second.model, total=second.dimensions.total)
    disagreement = abs(first.dimensions.total - second.dimensions.total) > MAX_DIFFERENCE
    confidence = (
        first.confidence - _DISAGREEMENT_COST
        if disagreement
        else min(first.confidence + _AGREEMENT_BONUS, _MAX_CONFIDENCE)
    )
    return first.model_copy(
        update={
            "second_opinion": opinion,
            "confidence": round(max(_MIN_CONFIDENCE, confidence), 2),
            "flags": _with(first, NEEDS_REVIEW) if disagreement else first.flags,
        }
    ).suspected(second.suspicion)


def _with(score: EssayScore, flag: str) -> tuple[str, ...]:
    return tuple(sorted({*score.flags, flag}))
