"""Drawing how good the recommendations are: a bar for each method and measure, with its interval."""

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from app.evaluation.intervals import IntervalEstimate
from app.evaluation.retrieval_report import MEASURES, METHODS, RetrievalReport
from app.evaluation.retrieval_tables import MEASURE_NAMES, METHOD_NAMES

# Inches, and dots per inch: 1650 × 750 pixels.
_SIZE, _DOTS = (11.0, 5.0), 150
_COLOURS = {
    "cosine": "#b9a88f",
    "cosine_and_level": "#8f7a58",
    "text": "#9aa5b1",
    "vectors": "#5b8fc4",
    "both": "#1f5a96",
}
_BAR = 0.8 / len(_COLOURS)


def draw_retrieval(report: RetrievalReport, path: Path) -> None:
    """Writes a PNG of 1650 × 750 pixels.

    Raises:
        OSError: it cannot be written.
    """
    figure = Figure(figsize=_SIZE, dpi=_DOTS, layout="constrained")
    # Without pyplot there is no window and no global state.
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for place, method in enumerate(METHODS):
        _draw_bars(axes, place, method, [report.figures[method][measure] for measure in MEASURES])
    axes.set_xticks(range(len(MEASURES)), [MEASURE_NAMES[measure] for measure in MEASURES])
    axes.set(ylim=(0, 1.14), ylabel="mean over the queries, with its 95 % interval")
    axes.set_title(f"{Path(report.file).name}: {report.queries} queries, {report.credentials} credentials")
    axes.legend(loc="upper left", ncols=len(METHODS))
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, format="png")


def _draw_bars(axes: Axes, place: int, method: str, estimates: list[IntervalEstimate]) -> None:
    heights = [estimate.value or 0.0 for estimate in estimates]
    below, above = [], []
    for height, estimate in zip(heights, estimates, strict=True):
        below.append(height - (height if estimate.low is None else estimate.low))
        above.append((height if estimate.high is None else estimate.high) - height)
    across = [measure + (place - (len(METHODS) - 1) / 2) * _BAR for measure in range(len(estimates))]
    axes.bar(
        across, heights, _BAR * 0.94, yerr=[below, above], capsize=3,
        color=_COLOURS[method], label=METHOD_NAMES[method],
    )  # fmt: skip
    for at, height in zip(across, heights, strict=True):
        axes.annotate(f"{height:.2f}", (at, 0.02), ha="center", color="white", fontsize=9)
