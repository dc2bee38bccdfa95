"""Charts of a published table: a few of its rows, drawn as text.

Defines how rows become bars or intervals. They are Markdown text, because anything that displays a run can show
it, and nothing has to be installed where tables are built. A table's contract says which rows are drawn.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from uuid import uuid4

from pyspark.sql import DataFrame

from instacart_assets.contracts.model import Chart, Contract

MOST_ROWS = 21
"""A chart draws at most this many rows, whatever its query returns: the number of departments."""

LONGEST_LABEL, BAR, PLOT = 18, 12, 16
"""Characters of a label, of the longest bar and of an interval's scale. In a window of 1,280 pixels Dagster's web UI
shows some 40 characters of a line; it shows Markdown of less than 1,000 characters inline, longer behind a link."""

EIGHTHS = ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")
"""The end of a bar, by eighths of a character."""


@dataclass(frozen=True)
class Point:
    """A row of a chart.

    Attributes:
        label: what it represents.
        value: an integer is a count; any other number is shown with two decimals.
        low: lower end of its interval; None where it has none.
        high: upper end of its interval.
    """

    label: str
    value: float
    low: float | None = None
    high: float | None = None


def draw_charts(rows: DataFrame, contract: Contract) -> dict[str, str]:
    """The charts of a table in Markdown, by name; charts without rows are omitted.

    Args:
        rows: the published table.
        contract: states its charts.
    """
    points = {chart: read_points(rows, chart) for chart in contract.charts}
    return {chart.id: draw_chart(chart, found) for chart, found in points.items() if found}


def read_points(rows: DataFrame, chart: Chart) -> list[Point]:
    """The rows of a chart, in the order of its query; a row without a label or a value is omitted."""
    session, view = rows.sparkSession, f"drawn_{uuid4().hex[:8]}"
    rows.createOrReplaceTempView(view)
    try:
        found = session.sql(chart.query.replace("{batch}", view)).limit(MOST_ROWS).collect()
    finally:
        session.catalog.dropTempView(view)
    given = [row.asDict() for row in found]
    return [Point(**row) for row in given if row["label"] is not None and row["value"] is not None]


def draw_chart(chart: Chart, points: Sequence[Point]) -> str:
    """A chart in Markdown: what it shows, then a line for each row, with a bar or an interval.

    Bars begin at zero. Intervals of ratios are drawn on a log scale, with a line at 1, which means no effect.

    Args:
        chart: the chart to draw.
        points: its rows, at least one.
    """
    has_intervals = any(point.low is not None for point in points)
    labels = [_shorten(point.label) for point in points]
    drawn = _draw_intervals(points, is_ratio=chart.is_ratio) if has_intervals else _draw_bars(points)
    width = max(map(len, labels))
    lines = [f"{label:<{width}}  {figure}" for label, figure in zip_longest(labels, drawn, fillvalue="")]
    return "\n".join([chart.description, "", "```", *lines, "```"])


def _draw_bars(points: Sequence[Point]) -> list[str]:
    """A bar for each row, followed by its value."""
    most = max(point.value for point in points)
    eighths = [max(0, round(8 * BAR * point.value / most)) if most > 0 else 0 for point in points]
    bars = ["█" * (count // 8) + EIGHTHS[count % 8] for count in eighths]
    return [f"{bar} {_say_value(point)}".lstrip() for bar, point in zip(bars, points, strict=True)]


def _draw_intervals(points: Sequence[Point], *, is_ratio: bool) -> list[str]:
    """An interval for each row, followed by its value and ends; and a line with the ends of the scale."""
    scale = _Scale.over(points, is_ratio=is_ratio)
    ends = f"{scale.low:.2f}", f"{scale.high:.2f}"
    return [
        *(f"{scale.draw(point)}  {_say_value(point)}{_say_interval(point)}" for point in points),
        ends[0] + ends[1].rjust(PLOT - len(ends[0])),
    ]


@dataclass(frozen=True)
class _Scale:
    """Maps numbers to positions on a line of characters."""

    low: float
    high: float
    is_ratio: bool

    @classmethod
    def over(cls, points: Sequence[Point], *, is_ratio: bool) -> "_Scale":
        """The scale that covers all intervals, and 1 if they are of ratios."""
        known = [number for one in points for number in (one.low, one.value, one.high) if number is not None]
        kept = [number for number in known if number > 0] + [1.0] if is_ratio else known
        return cls(min(kept), max(kept), is_ratio)

    def place(self, number: float) -> int:
        """The position of a number; beyond the scale, its nearest end."""
        first, last = self._measure(self.low), self._measure(self.high)
        if first == last:
            return 0
        kept = self._measure(min(self.high, max(self.low, number)))
        return round((PLOT - 1) * (kept - first) / (last - first))

    def draw(self, point: Point) -> str:
        """One interval as a line of characters."""
        line = [" "] * PLOT
        if self.is_ratio:
            line[self.place(1.0)] = "│"
        if point.low is not None and point.high is not None:
            for place in range(self.place(point.low), self.place(point.high) + 1):
                line[place] = "┼" if line[place] == "│" else "─"
        line[self.place(point.value)] = "●"
        return "".join(line)

    def _measure(self, number: float) -> float:
        return math.log(number) if self.is_ratio else number


def _say_value(point: Point) -> str:
    return f"{point.value:,}" if isinstance(point.value, int) else f"{point.value:.2f}"


def _say_interval(point: Point) -> str:
    return "" if point.low is None or point.high is None else f" ({point.low:.2f}, {point.high:.2f})"


def _shorten(label: str) -> str:
    """A label on one line, shortened if too long."""
    plain = " ".join(label.replace("`", "'").split())
    return plain if len(plain) <= LONGEST_LABEL else f"{plain[: LONGEST_LABEL - 1]}…"
