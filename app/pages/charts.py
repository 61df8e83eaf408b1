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
# Plots have their origin at the lower left; these margins have room for the labels of the axes.
_PLOT_HEIGHT = 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 8, 10, 40


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


@dataclass(frozen=True)
class Bar:
    """A value with its label, and the text of the value."""

    label: str
    value: float
    text: str


@dataclass(frozen=True)
class Dot:
    """A point of a scatter plot, and how many pairs lie on it."""

    x: float
    y: float
    count: int = 1


@dataclass(frozen=True)
class Axis:
    """The values from one end of an axis to the other, and what they are."""

    name: str
    low: float
    high: float


def bars(title: str, description: str, values: Sequence[Bar], most: float) -> Markup:
    """Bars below each other, each with its label and value; a bar of `most` has the whole width."""
    rows = Markup("").join(_plain_bar(bar, most, index * _ROW) for index, bar in enumerate(values))
    return _figure(title, description, _ROW * len(values), rows)


def distribution(title: str, description: str, counts: Sequence[int], axis: Axis) -> Markup:
    """Columns beside each other, one for each equal part of the axis."""
    most = max(1, *counts)
    plot = _Plot(axis, Axis("scores", 0, most))
    width = (axis.high - axis.low) / len(counts)
    columns = [
        Markup('<rect class="bar" x="{}" y="{}" width="{}" height="{}"/>').format(
            plot.x(axis.low + index * width) + 1,
            plot.y(count),
            round(plot.x(axis.low + (index + 1) * width) - plot.x(axis.low + index * width) - 2, 1),
            round(plot.y(0) - plot.y(count), 1),
        )
        for index, count in enumerate(counts)
    ]
    return _figure(title, description, _PLOT_HEIGHT, plot.frame() + Markup("").join(columns))


def scatter(title: str, description: str, dots: Sequence[Dot], across: Axis, up: Axis) -> Markup:
    """Dots with the line on which both values are the same."""
    plot = _Plot(across, up)
    low, high = max(across.low, up.low), min(across.high, up.high)
    identity = plot.line("line", (low, low), (high, high))
    return _figure(title, description, _PLOT_HEIGHT, plot.frame() + identity + plot.dots(dots))


def difference_plot(
    title: str, description: str, dots: Sequence[Dot], across: Axis, up: Axis, mean: float, limits: tuple[float, float]
) -> Markup:
    """Differences over means (Bland and Altman), with a line for their mean, and dashed ones for the limits of
    agreement."""
    plot = _Plot(across, up)
    levels = (("line", mean), ("limit", limits[0]), ("limit", limits[1]))
    lines = Markup("").join(plot.line(name, (across.low, level), (across.high, level)) for name, level in levels)
    return _figure(title, description, _PLOT_HEIGHT, plot.frame() + lines + plot.dots(dots))


def sparkline(title: str, description: str, values: Sequence[float]) -> Markup:
    """A line through values at equal distances, from zero at the bottom to the highest."""
    height, most = 60, max(values, default=0) or 1
    step = (_WIDTH - 8) / max(1, len(values) - 1)
    places = [
        (round(4 + index * step, 1), round(height - 4 - (height - 8) * v / most, 1)) for index, v in enumerate(values)
    ]
    path = "M" + "L".join(f"{x} {y}" for x, y in places) if places else ""
    ends = Markup("").join(Markup('<circle class="dot" cx="{}" cy="{}" r="3"/>').format(x, y) for x, y in places[-1:])
    return _figure(title, description, height, Markup('<path class="line" d="{}"/>').format(path) + ends)


def _figure(title: str, description: str, height: int, content: Markup) -> Markup:
    """The picture with its title and description below it; screen readers have both from the picture."""
    return Markup('<figure>{}<figcaption aria-hidden="true"><strong>{}</strong><br>{}</figcaption></figure>').format(
        _svg(title, description, height, content), title, description
    )


@dataclass(frozen=True)
class _Plot:
    """Where values of two axes are in the picture."""

    across: Axis
    up: Axis

    def x(self, value: float) -> float:
        """The distance from the left."""
        share = (value - self.across.low) / (self.across.high - self.across.low)
        return round(_LEFT + share * (_WIDTH - _LEFT - _RIGHT), 1)

    def y(self, value: float) -> float:
        """The distance from the top."""
        share = (value - self.up.low) / (self.up.high - self.up.low)
        return round(_PLOT_HEIGHT - _BOTTOM - share * (_PLOT_HEIGHT - _TOP - _BOTTOM), 1)

    def line(self, name: str, start: tuple[float, float], end: tuple[float, float]) -> Markup:
        """A line of this class between two points."""
        places = [value for x, y in (start, end) for value in (self.x(x), self.y(y))]
        return Markup('<path class="{}" d="M{} {}L{} {}"/>').format(name, *places)

    def dots(self, dots: Sequence[Dot]) -> Markup:
        """The dots; more pairs make a larger one."""
        return Markup("").join(
            Markup('<circle class="dot" cx="{}" cy="{}" r="{}"/>').format(
                self.x(dot.x), self.y(dot.y), round(min(9.0, 2.5 + dot.count**0.5), 1)
            )
            for dot in dots
        )

    def frame(self) -> Markup:
        """The axes with their ends, middles and names."""
        lines = self.line("axis", (self.across.low, self.up.low), (self.across.high, self.up.low))
        lines += self.line("axis", (self.across.low, self.up.low), (self.across.low, self.up.high))
        texts: list[tuple[float, float, str, str]] = [
            # The last one would reach out of the picture if it was centred.
            (self.x(value), _PLOT_HEIGHT - 22, "end" if value == self.across.high else "middle", _number(value))
            for value in _ticks(self.across)
        ]
        texts += [(_LEFT - 6, self.y(value) + 4, "end", _number(value)) for value in _ticks(self.up)]
        texts.append((_WIDTH / 2, _PLOT_HEIGHT - 5, "middle", f"{self.across.name} (across), {self.up.name} (up)"))
        return lines + Markup("").join(
            Markup('<text x="{}" y="{}" text-anchor="{}">{}</text>').format(*values) for values in texts
        )


def _plain_bar(bar: Bar, most: float, top: int) -> Markup:
    return Markup(
        '<text x="0" y="{text_y}">{label}</text><text x="{full}" y="{text_y}" text-anchor="end">{text}</text>'
        '<rect class="track" x="0" y="{y}" width="{full}" height="{height}"/>'
        '<rect class="bar" x="0" y="{y}" width="{width}" height="{height}"/>'
    ).format(
        text_y=top + 14,
        label=_short(bar.label),
        text=bar.text,
        full=_WIDTH,
        y=top + 20,
        height=_BAR,
        width=round(_WIDTH * min(1.0, max(0.0, bar.value / most)), 1) if most else 0,
    )


def _ticks(axis: Axis) -> list[float]:
    middle = (axis.low + axis.high) / 2
    return [axis.low, middle, axis.high] if middle == round(middle) else [axis.low, axis.high]


def _number(value: float) -> str:
    return f"{value:,.0f}".replace("-", "−")
