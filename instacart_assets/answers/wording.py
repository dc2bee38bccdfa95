"""How numbers, names and caveats are written for readers.

Contains text, not charts or pages: headings of columns, formats of values, caveats on simulated and estimated data, and
the description of a chart in a sentence.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from instacart_assets.answers.question import Bars, Dots, Heat, Line, Question, Weeks

Row = Mapping[str, Any]

CAVEATS = {
    "is_simulated": "Simulated: the promotions were invented, and so were their effects.",
    "is_date_estimated": "Estimated: dates are reconstructed; they show no trend of a market.",
}
"""The caveat to show if a column of this name is true in any row."""

RATES = ("_rate", "_share")
"""Suffixes of columns whose values are shares, 0 to 1."""

MOST_DECIMALS = 3


def spell_heading(name: str) -> str:
    """The heading of a column: ``is_signal`` is Signal."""
    words = name.removeprefix("is_").replace("_", " ")
    return words[:1].upper() + words[1:]


def make_speller(name: str, values: Sequence[Any]) -> Callable[[Any], str]:
    """A formatter for the values of a column: all with as many decimals as one of them needs, shares in percent."""
    numbers = [value for value in values if isinstance(value, float)]
    if name.endswith(RATES):
        decimals = max((_count_decimals(100 * number) for number in numbers), default=0)
        return lambda value: "" if value is None else f"{100 * value:.{min(decimals, 1)}f} %"
    decimals = max(map(_count_decimals, numbers), default=0)
    return lambda value: _spell_value(value, decimals)


def _count_decimals(number: float) -> int:
    return len(f"{number:.{MOST_DECIMALS}f}".rstrip("0").partition(".")[2])


def _spell_value(value: Any, decimals: int) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:,.{decimals}f}"
        case date():
            return value.isoformat()
        case _:
            return str(value)


def spell_rows(rows: Sequence[Row]) -> list[dict[str, str]]:
    """The rows with their values formatted as text."""
    spellers = {name: make_speller(name, [row[name] for row in rows]) for name in (rows[0] if rows else ())}
    return [{name: spell(row[name]) for name, spell in spellers.items()} for row in rows]


def list_caveats(*rows: Row) -> tuple[str, ...]:
    """The caveats to show on a chart of these rows."""
    return tuple(text for name, text in CAVEATS.items() if any(row.get(name) for row in rows))


def describe_chart(question: Question, rows: Sequence[Row]) -> str:
    """The chart in a sentence or two, for readers who cannot see it.

    Args:
        question: what is drawn.
        rows: the answer, with at least one row.
    """
    chart, spelt = question.front.chart, spell_rows(rows)
    first, last = spelt[0], spelt[-1]
    match chart:
        case Bars():
            return (
                f"Bars, {chart.title.lower()}: from {first[chart.label]} with {first[chart.value]} "
                f"to {last[chart.label]} with {last[chart.value]}, {len(rows)} in all."
            )
        case Dots():
            sure = sum(bool(row[chart.sure]) for row in rows)
            return (
                f"Dots with intervals, {_lower(chart.title)}. First {_spell_interval(chart, first)}; "
                f"last {_spell_interval(chart, last)}. {chart.means.sure.capitalize()}: {sure} of {len(rows)}."
            )
        case Line():
            top = max(range(len(rows)), key=lambda at: rows[at][chart.value])
            ends = ", ".join(f"{one[chart.value]} at {one[chart.across]}" for one in (first, last))
            return (
                f"Line with a band, {_lower(chart.title)}, by {_lower(chart.across_title)}: {ends}; "
                f"highest {spelt[top][chart.value]} at {spelt[top][chart.across]}."
            )
        case Heat():
            cells = [
                (row[name], one[name], one[chart.label], spell_heading(name))
                for row, one in zip(rows, spelt, strict=True)
                for name in chart.across
                if row[name] is not None
            ]
            return f"Heat map, {_lower(chart.title)}. {_spell_extremes(cells)}"
        case Weeks():
            cells = [
                (
                    row[chart.value],
                    one[chart.value],
                    one[chart.panel],
                    f"{one[chart.down]} {one[chart.across]} h",
                )
                for row, one in zip(rows, spelt, strict=True)
            ]
            return f"Heat maps of the week, {_lower(chart.title)}. {_spell_extremes(cells)}"


def _lower(title: str) -> str:
    return title[:1].lower() + title[1:]


def _spell_interval(chart: Dots, row: Mapping[str, str]) -> str:
    return f"{row[chart.label]}, {row[chart.value]} ({row[chart.low]} to {row[chart.high]})"


def _spell_extremes(cells: Sequence[tuple[float, str, str, str]]) -> str:
    if not cells:
        return "No cell has a value."
    most, least = max(cells), min(cells)
    return f"Highest {most[1]}: {most[2]}, {most[3]}; lowest {least[1]}: {least[2]}, {least[3]}."
