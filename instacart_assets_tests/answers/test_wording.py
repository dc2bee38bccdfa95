"""Numbers, names and doubts as people read them."""

from datetime import date
from typing import Any

import pytest

from instacart_assets.answers.wording import (
    CAVEATS,
    describe_chart,
    list_caveats,
    make_speller,
    spell_heading,
    spell_rows,
)
from instacart_assets_tests.answers.asked import BARS, DOTS, HEAT, LINE, ROWS, WEEKS, make_question


@pytest.mark.parametrize(
    ("name", "values", "spelt"),
    [
        ("units", [1234567, 0, None], ["1,234,567", "0", ""]),
        ("lift", [1.5, 2.25, 1234.0], ["1.50", "2.25", "1,234.00"]),
        ("days", [7.0, 14.5], ["7.0", "14.5"]),
        ("reorder_rate", [0.5, 0.123, None], ["50.0 %", "12.3 %", ""]),
        ("units_share", [0.5, 1.0], ["50 %", "100 %"]),
        ("is_sure", [True, False], ["yes", "no"]),
        ("as_of_date", [date(2016, 12, 30)], ["2016-12-30"]),
        ("product", ["<b> & 'c' | d"], ["<b> & 'c' | d"]),
    ],
)
def test_values_are_spelt_alike_down_a_column(name: str, values: list[Any], spelt: list[str]) -> None:
    assert list(map(make_speller(name, values), values)) == spelt


def test_no_rows_are_spelt_as_none() -> None:
    assert spell_rows([]) == []


def test_a_heading_is_the_name_in_words() -> None:
    assert [spell_heading(name) for name in ("is_signal", "at_least", "sat")] == ["Signal", "At least", "Sat"]


def test_what_is_simulated_or_estimated_is_told_where_any_row_says_so() -> None:
    assert list_caveats({"is_simulated": False, "is_date_estimated": None}) == ()
    assert list_caveats({"is_simulated": False}, {"is_simulated": True}) == (CAVEATS["is_simulated"],)


@pytest.mark.parametrize(
    ("chart", "text"),
    [
        (BARS, "Bars, units sold: from Pear with 4,000 to Fig with 1,000, 2 in all."),
        (
            DOTS,
            "Dots with intervals, lift. First Pear, 2.0 (1.5 to 2.5); last Fig, 1.5 (0.5 to 2.5). Holds up: 1 of 2.",
        ),
        (LINE, "Line with a band, lift, by weeks: 1.0 at -1, 0.9 at 1; highest 1.5 at 0."),
        (HEAT, "Heat map, index. Highest 6.5: Pear, Sun; lowest 0.5: Pear, Sat."),
        (
            WEEKS,
            "Heat maps of the week, index. Highest 6.5: Pear, Saturday 1 h; lowest 0.5: Pear, Saturday 0 h.",
        ),
    ],
    ids=["bars", "dots", "line", "heat", "weeks"],
)
def test_a_chart_is_told_in_a_sentence(chart: str, text: str) -> None:
    assert describe_chart(make_question(chart), ROWS[chart]) == text
