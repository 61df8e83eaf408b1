"""An evaluation as a picture: both scores of each answer, and their difference."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from app.evaluation.report import Report

# Inches, and dots in each: 1650 to 750 pixels.
_SIZE, _DOTS = (11.0, 5.0), 150
# People give few different scores; without a little noise their dots would lie on each other.
_JITTER = 0.012
_BLUE, _RED = "#1f5a96", "#b03a2e"


def draw(report: Report, path: Path) -> None:
    """Writes the picture as PNG, 1650 to 750 pixels: left human against machine with the line of identity, right the
    difference over the mean (Bland and Altman) with its mean and limits of agreement.

    Raises:
        OSError: it cannot be written.
    """
    figure = Figure(figsize=_SIZE, dpi=_DOTS, layout="constrained")
    # Without pyplot there is no window and no state that outlives the picture.
    FigureCanvasAgg(figure)
    human = np.array([line.human for line in report.scores])
    machine = np.array([line.machine for line in report.scores])
    left, right = figure.subplots(1, 2)
    noise = np.random.default_rng(report.source.seed).uniform(-_JITTER, _JITTER, (2, len(human)))
    _draw_both(left, human + noise[0], machine + noise[1], report)
    _draw_difference(right, human, machine, noise, report)
    figure.suptitle(f"{Path(report.source.file).name}: {report.scored} answers scored by {report.model}")
    figure.savefig(path, format="png")


def _draw_both(axes: Axes, human: NDArray[np.float64], machine: NDArray[np.float64], report: Report) -> None:
    axes.axline((0, 0), (1, 1), color="black", linewidth=0.8, linestyle="--", label="equal scores")
    _dots(axes, human, machine)
    axes.set(xlabel="human score", ylabel="machine score", xlim=(-0.05, 1.05), ylim=(-0.05, 1.05), aspect="equal")
    axes.set_title(f"Pearson r {_told(report, 'pearson')}, RMSE {_told(report, 'rmse')}")
    axes.legend(loc="upper left")


def _draw_difference(
    axes: Axes,
    human: NDArray[np.float64],
    machine: NDArray[np.float64],
    noise: NDArray[np.float64],
    report: Report,
) -> None:
    _dots(axes, (human + machine) / 2 + noise[0], machine - human + noise[1])
    for name, style in (("upper_limit", ":"), ("bias", "-"), ("lower_limit", ":")):
        if (value := report.agreement[name].value) is not None:
            axes.axhline(value, color=_RED, linestyle=style, linewidth=1.2)
            # Beside the picture, where no dot is.
            axes.annotate(
                f"{value:+.2f}".replace("-", "−"), (1.0, value), xycoords=("axes fraction", "data"),
                xytext=(4, 0), textcoords="offset points", va="center", color=_RED,
            )  # fmt: skip
    axes.axhline(0, color="black", linewidth=0.8, linestyle="--")
    axes.set(xlabel="mean of both scores", ylabel="machine − human", xlim=(-0.05, 1.05), ylim=(-1.05, 1.05))
    axes.set_title("Difference: mean and limits of agreement")


def _dots(axes: Axes, across: NDArray[np.float64], up: NDArray[np.float64]) -> None:
    axes.scatter(across, up, s=14, alpha=0.35, linewidths=0, color=_BLUE)


def _told(report: Report, measure: str) -> str:
    value = report.agreement[measure].value
    return "–" if value is None else f"{value:.2f}"
