"""An evaluation of the ranking as a picture: a bar for each way and measure, with its interval."""

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from app.evaluation.intervals import Figure as Value
from app.evaluation.retrieval_report import MEASURES, WAYS, RetrievalReport
from app.evaluation.retrieval_tables import NAMES
from app.evaluation.retrieval_tables import WAYS as WAY_NAMES

# Inches, and dots in each: 1650 to 750 pixels.
_SIZE, _DOTS = (11.0, 5.0), 150
_COLOURS = {"text": "#9aa5b1", "vectors": "#5b8fc4", "both": "#1f5a96"}
_BAR = 0.26


def draw_retrieval(report: RetrievalReport, path: Path) -> None:
    """Writes the picture as PNG, 1650 to 750 pixels.

    Raises:
        OSError: it cannot be written.
    """
    figure = Figure(figsize=_SIZE, dpi=_DOTS, layout="constrained")
    # Without pyplot there is no window and no state that outlives the picture.
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for place, way in enumerate(WAYS):
        _bars(axes, place, way, [report.figures[way][measure] for measure in MEASURES])
    axes.set_xticks(range(len(MEASURES)), [NAMES[measure] for measure in MEASURES])
    axes.set(ylim=(0, 1.08), ylabel="mean over the queries, with its 95 % interval")
    axes.set_title(f"{Path(report.file).name}: {report.queries} queries, {report.credentials} credentials")
    axes.legend(loc="upper left", ncols=len(WAYS))
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, format="png")


def _bars(axes: Axes, place: int, way: str, values: list[Value]) -> None:
    heights = [value.value or 0.0 for value in values]
    below = [
        height - (height if value.low is None else value.low) for height, value in zip(heights, values, strict=True)
    ]
    above = [
        (height if value.high is None else value.high) - height for height, value in zip(heights, values, strict=True)
    ]
    across = [measure + (place - 1) * _BAR for measure in range(len(values))]
    axes.bar(across, heights, _BAR * 0.94, yerr=[below, above], capsize=3, color=_COLOURS[way], label=WAY_NAMES[way])
    for at, height in zip(across, heights, strict=True):
        axes.annotate(f"{height:.2f}", (at, 0.02), ha="center", color="white", fontsize=9)
