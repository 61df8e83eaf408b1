"""Charts as small SVG, which inherit colours from the stylesheet. Each has a title and a description; the page
shows the same numbers as a table beside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from markupsafe import Markup

_WIDTH = 400
_ROW = 46
_BAR = 14
_MOST_CHARACTERS = 46


@dataclass(frozen=True)
class RangeBar:
    """A share, 0–1, and the range that it lies in."""

    label: str
    value: float
    low: float
    high: float


def range_bars(title: str, description: str, bars: Sequence[RangeBar]) -> Markup:
    """Bars below each other, each with its label, its percentage and a line from the low to the high end."""
    rows = Markup("").join(_range_bar(bar, index * _ROW) for index, bar in enumerate(bars))
    return _svg(title, description, _ROW * len(bars), rows)


def _range_bar(bar: RangeBar, top: int) -> Markup:
    y = top + 20
    value, low, high = (round(share * _WIDTH, 1) for share in (bar.value, bar.low, bar.high))
    middle = y + _BAR / 2
    return Markup(
        '<text x="0" y="{text}">{label}</text><text x="{width}" y="{text}" text-anchor="end">{percent} %</text>'
        '<rect class="track" x="0" y="{y}" width="{width}" height="{height}"/>'
        '<rect class="bar" x="0" y="{y}" width="{value}" height="{height}"/>'
        '<path class="whisker" d="M{low} {middle}H{high}M{low} {y}v{height}M{high} {y}v{height}"/>'
    ).format(
        text=top + 14,
        label=_short(bar.label),
        percent=round(100 * bar.value),
        width=_WIDTH,
        height=_BAR,
        y=y,
        middle=middle,
        value=value,
        low=low,
        high=high,
    )


def _svg(title: str, description: str, height: int, content: Markup) -> Markup:
    name = f"chart-{sha256(f'{title}{description}'.encode()).hexdigest()[:8]}"
    return Markup(
        '<svg class="chart" viewBox="0 0 {width} {height}" role="img"'
        ' aria-labelledby="{name}-title {name}-description">'
        '<title id="{name}-title">{title}</title><desc id="{name}-description">{description}</desc>{content}</svg>'
    ).format(width=_WIDTH, height=height, name=name, title=title, description=description, content=content)


def _short(label: str) -> str:
    return label if len(label) <= _MOST_CHARACTERS else f"{label[: _MOST_CHARACTERS - 1]}…"
