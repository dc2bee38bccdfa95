"""Questions of a few rows, whose charts can be checked by eye."""

from typing import Any

from instacart_assets.answers.ask import Answer
from instacart_assets.answers.question import Question, read_question

FRONT = """/*
place: 1
question: Which fruit?
about: How to read it.
chart: {chart}
empty: There is no fruit.
*/
SELECT 1 AS one
"""

BARS = "{ kind: bars, label: fruit, value: units, title: Units sold }"
DOTS = (
    "{ kind: dots, label: fruit, detail: place, value: lift, low: low, high: high, sure: is_sure, reference: 1, "
    "title: Lift, means: { sure: holds up, unsure: may be luck } }"
)
LINE = "{ kind: line, across: week, across_title: Weeks, value: lift, low: low, high: high, reference: 1, title: Lift }"
HEAT = "{ kind: heat, label: fruit, across: [sat, sun], steps: [1, 2, 3, 4, 5, 6], title: Index }"
WEEKS = (
    "{ kind: weeks, panel: fruit, down: day, across: hour, across_title: Hour, value: index, "
    "steps: [1, 2, 3, 4, 5, 6], title: Index }"
)

ROWS: dict[str, list[dict[str, Any]]] = {
    BARS: [{"fruit": "Pear", "units": 4000}, {"fruit": "Fig", "units": 1000}],
    DOTS: [
        {"fruit": "Pear", "place": "stand", "lift": 2.0, "low": 1.5, "high": 2.5, "is_sure": True},
        {"fruit": "Fig", "place": "shelf", "lift": 1.5, "low": 0.5, "high": 2.5, "is_sure": False},
    ],
    LINE: [
        {"week": -1, "lift": 1.0, "low": 0.9, "high": 1.1},
        {"week": 0, "lift": 1.5, "low": 1.2, "high": 1.8},
        {"week": 1, "lift": 0.9, "low": 0.8, "high": 1.0},
    ],
    HEAT: [{"fruit": "Pear", "sat": 0.5, "sun": 6.5}, {"fruit": "Fig", "sat": 3.5, "sun": None}],
    WEEKS: [
        {"fruit": "Pear", "day": "Saturday", "hour": 0, "index": 0.5},
        {"fruit": "Pear", "day": "Saturday", "hour": 1, "index": 6.5},
        {"fruit": "Fig", "day": "Saturday", "hour": 0, "index": 1.5},
        {"fruit": "Fig", "day": "Saturday", "hour": 1, "index": 2.5},
    ],
}
"""Rows for each kind of chart."""


def make_question(chart: str) -> Question:
    return read_question("fruit", FRONT.replace("{chart}", chart))


def make_answer(
    chart: str, rows: list[dict[str, Any]] | None = None, says: str = "", caveats: tuple[str, ...] = ()
) -> Answer:
    return Answer(make_question(chart), tuple(ROWS[chart] if rows is None else rows), says, caveats)
