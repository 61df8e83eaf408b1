"""The section about how the machine's scores agree with people's."""

from collections import Counter
from collections.abc import Sequence

from markupsafe import Markup

from app.domain.records.analytics import OverriddenScore
from app.pages.charts import Axis, Dot, difference_plot, scatter
from app.pages.insights.sections import SCORERS, Name, Section
from app.schemas import AgreementFigures
from app.schemas.agreement import Interval
from app.schemas.analytics import LEAST_PAIRS

# Places that are drawn; the pairs are rounded to whole percent, so several are at the same place.
_MOST_DOTS = 400
_PERSON, _MACHINE = Axis("person %", 0, 100), Axis("machine %", 0, 100)
_MEAN = Axis("mean of both %", 0, 100)


def agreement_section(figures: AgreementFigures, pairs: Sequence[OverriddenScore]) -> Section:
    """Pairs of scores by a person and by the machine, with measures of how they agree."""
    title = "Agreement between people and machine"
    if figures.mean_difference is None or figures.limits is None:
        have = "There is one pair" if figures.count == 1 else f"There are {figures.count} pairs"
        text = (
            f"{have} of a person's and the machine's score. Figures are shown from {LEAST_PAIRS} pairs on: of "
            "fewer, they would say more about chance."
        )
        return Section(Name.AGREEMENT, title, [text])
    places = Counter((round(100 * pair.human), round(100 * pair.machine), pair.scorer) for pair in pairs)
    rows: list[list[object]] = [
        [human, machine, SCORERS.get(scorer, scorer), count] for (human, machine, scorer), count in places.most_common()
    ]
    facts = {
        "Pairs": f"{figures.count:,}",
        "Correlation (r)": _measure(figures.pearson_r, figures.pearson_interval),
        "Weighted kappa (quadratic, five levels)": _measure(figures.weighted_kappa, figures.kappa_interval),
        "Machine minus person, mean": f"{100 * figures.mean_difference:+.1f} % of the points",
        "Limits of agreement": f"from {100 * figures.limits[0]:+.1f} % to {100 * figures.limits[1]:+.1f} %",
    }
    texts = [
        "Each confirmation and each change of a score by a person is a pair. In brackets: 95 % intervals. Reviewers "
        "mostly see doubtful scores, and who confirms has seen the machine's points: the figures hold for these pairs, "
        "not for all essays."
    ]
    charts = _charts(places, 100 * figures.mean_difference, (100 * figures.limits[0], 100 * figures.limits[1]))
    return Section(Name.AGREEMENT, title, texts, ["person %", "machine %", "scored by", "pairs"], rows, charts, facts)


def _charts(places: "Counter[tuple[int, int, str]]", mean: float, limits: Interval) -> list[Markup]:
    drawn = places.most_common(_MOST_DOTS)
    dots = [Dot(human, machine, count) for (human, machine, _), count in drawn]
    differences = [Dot((human + machine) / 2, machine - human, count) for (human, machine, _), count in drawn]
    most = max(10.0, *(abs(dot.y) for dot in differences), *map(abs, limits))
    most = 10.0 * -(-most // 10)
    left_out = (
        f" The {_MOST_DOTS} most frequent of {len(places):,} places are drawn." if len(places) > _MOST_DOTS else ""
    )
    return [
        scatter(
            "Person and machine",
            f"A dot for each pair of scores; on the line both are the same. A larger dot is several pairs.{left_out}",
            dots, _PERSON, _MACHINE,
        ),
        difference_plot(
            "Difference of machine and person",
            f"The difference over the mean of both. The line is the mean difference of {mean:+.1f} %; the dashed lines "
            f"are the limits of agreement, {limits[0]:+.1f} % and {limits[1]:+.1f} %, between which 95 % of the pairs "
            f"are expected.{left_out}",
            differences, _MEAN, Axis("difference %", -most, most), mean, limits,
        ),
    ]  # fmt: skip


def _measure(value: float | None, interval: Interval | None) -> str:
    if value is None:
        return "cannot be computed, because all scores of one side are the same"
    return f"{value:.2f} ({interval[0]:.2f} to {interval[1]:.2f})" if interval else f"{value:.2f}"
