"""What a total would be if essays without a score had no points, or all of them."""

from app.domain.result.model import Breakdown
from app.domain.values import Frozen, percentage, sum_of_points


class ScoreRange(Frozen):
    """The total percentage with all unscored essays at zero points (`low`) and at full points (`high`)."""

    low: float
    high: float


def score_range(breakdown: Breakdown) -> ScoreRange | None:
    """The range of the total percentage: one value if everything is scored, None if no question has points."""
    parts = (breakdown.theoretical, breakdown.profile, breakdown.essay)
    score = sum_of_points(part.score or 0.0 for part in parts)
    open_points = unscored_points(breakdown)
    maximum = sum_of_points((*(part.max_score for part in parts), open_points))
    if not maximum:
        return None
    return ScoreRange(low=percentage(score, maximum), high=percentage(sum_of_points((score, open_points)), maximum))


def unscored_points(breakdown: Breakdown) -> float:
    """The points of the essays without a score, which the totals leave out."""
    return sum_of_points(line.max_score for line in breakdown.essay.questions if line.points is None)
