"""Two models' scores of one essay: where they agree, the score is likely right; where they don't, a person should look.

Agreement of different models predicts correctness; asking one model twice mostly shows that it repeats itself.
"""

from app.domain.essay.score import EssayScore, SecondOpinion

# Points of 100. Careful people who grade the same essay differ by about half of it.
MAX_DIFFERENCE = 20
NEEDS_REVIEW = "needs_review"
SECOND_OPINION_MISSING = "second_opinion_missing"
# How sure two models are that agree, and that don't.
_AGREED, _DISPUTED = 0.1, 0.4
_MOST_CONFIDENCE, _LEAST_CONFIDENCE = 0.95, 0.2


def with_second_opinion(first: EssayScore, second: EssayScore | None) -> EssayScore:
    """The first model's score, with what the second one's says of it; `second` is None where that model failed."""
    if second is None:
        return first.model_copy(update={"flags": _with(first, SECOND_OPINION_MISSING)})
    opinion = SecondOpinion(model=second.model, total=second.dimensions.total)
    disputed = abs(first.dimensions.total - second.dimensions.total) > MAX_DIFFERENCE
    confidence = first.confidence - _DISPUTED if disputed else min(first.confidence + _AGREED, _MOST_CONFIDENCE)
    return first.model_copy(
        update={
            "second_opinion": opinion,
            "confidence": round(max(_LEAST_CONFIDENCE, confidence), 2),
            "flags": _with(first, NEEDS_REVIEW) if disputed else first.flags,
        }
    )


def _with(score: EssayScore, flag: str) -> tuple[str, ...]:
    return tuple(sorted({*score.flags, flag}))
