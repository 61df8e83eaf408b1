"""Drawing the agreement of a scorer with people: both scores of each answer, and their difference."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from app.evaluation.agreement_report import AgreementReport

# Inches, and dots per inch: 1650 × 750 pixels.
_SIZE, _DOTS = (11.0, 5.0), 150
# People give few different scores; without a little noise the dots would lie on top of each other.
_JITTER = 0.012
_BLUE, _RED = "#1f5a96", "#b03a2e"


def draw_agreement(report: AgreementReport, path: Path) -> None:
    """Writes a PNG of 1650 × 750 pixels: on the left human against machine scores with the line of identity, on the
    right the difference over the mean (Bland and Altman) with its mean and limits of agreement.

    Raises:
        OSError: it cannot be written.
    """
    figure = Figure(figsize=_SIZE, dpi=_DOTS, layout="constrained")
    # Without pyplot there is no window and no global state.
    FigureCanvasAgg(figure)
    human = np.array([line.human for line in report.scores])
    machine = np.array([line.machine for line in report.scores])
    left, right = figure.subplots(1, 2)
    noise = np.random.default_rng(report.source.seed).uniform(-_JITTER, _JITTER, (2, len(human)))
    _draw_both(left, human + noise[0], machine + noise[1], report)
    _draw_difference(right, human, machine, noise, report)
    figure.suptitle(f"{Path(report.source.file).name}: {report.scored} answers scored by {report.model}")
    figure.savefig(path, format="png")


def _draw_both(axes: Axes, human: NDArray[np.float64], machine: NDArray[np.float64], report: AgreementReport) -> None:
    axes.axline((0, 0), (1, 1), color="black", linewidth=0.8, linestyle="--", label="equal scores")
    _dots(axes, human, machine)
    axes.set(xlabel="human score", ylabel="machine score", xlim=(-0.05, 1.05), ylim=(-0.05, 1.05), aspect="equal")
    axes.set_title(f"Pearson r {_rounded(report, 'pearson')}, RMSE {_rounded(report, 'rmse')}")
    axes.legend(loc="upper left")


def _draw_difference(
    axes: Axes,
    human: NDArray[np.float64],
    machine: NDArray[np.float64],
    noise: NDArray[np.float64],
    report: AgreementReport,
) -> None:
    _dots(axes, (human + machine) / 2 + noise[0], machine - human + noise[1])
    for name, style in (("upper_limit", ":"), ("bias", "-"), ("lower_limit", ":")):
        if (value := report.agreement[name].value) is not None:
            axes.axhline(value, color=_RED, linestyle=style, linewidth=1.2)
            # Right of the axes, where no dot is.
            axes.annotate(
                f"{value:+.2f}".replace("-", "−"), (1.0, value), xycoords=("axes fraction", "data"),
                xytext=(4, 0), textcoords="offset points", va="center", color=_RED,
            )  # fmt: skip
    axes.axhline(0, color="black", linewidth=0.8, linestyle="--")
    axes.set(xlabel="mean of both scores", ylabel="machine − human", xlim=(-0.05, 1.05), ylim=(-1.05, 1.05))
    axes.set_title("Difference: mean and limits of agreement")


def _dots(axes: Axes, across: NDArray[np.float64], up: NDArray[np.float64]) -> None:
    axes.scatter(across, up, s=14, alpha=0.35, linewidths=0, color=_BLUE)


def _rounded(report: AgreementReport, measure: str) -> str:
    value = report.agreement[measure].value
    return "–" if value is None else f"{value:.2f}"
