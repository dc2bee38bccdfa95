"""The calendar: which date an order gets when the landed files hold only weekdays and gaps.

Contains the arithmetic of the weekday-exact reconstruction and its settings. No table is read or
written here, and no engine is imported: the arithmetic uses only ``+ - * %``, so the same functions
serve Python integers, NumPy arrays and Spark columns, and the generator and the silver layer cannot
disagree.

What is known: the gap to a user's previous order in days, capped at 30, and the weekday of each order.
What is assumed: the date of a user's first order, spread evenly over a window of weeks.
"""

from datetime import date, timedelta
from typing import Any, Literal, TypeAlias, get_args

from pydantic import BaseModel, ConfigDict, Field

Weekday = Literal["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)

GAP_CAP_DAYS = 30
"""Gaps are landed as "30" when they are 30 days or more (measured: the weekday identity holds below 30 only)."""

LONGEST_USER_SPAN_DAYS = 437
"""A user's landed gaps sum to at most 365 days, so at most 12 are capped, and each may hide up to 6 more."""

_PRIME = 2_147_483_647  # 2**31 - 1: products of two residues stay below 2**62, inside a bigint
_MULTIPLIER = (
    1_327_217_884  # the prime divided by the golden ratio: successive multiples fall evenly over the residues
)

Number: TypeAlias = Any
"""A Python integer, a NumPy integer array or a Spark column of integers."""


class OrderCalendar(BaseModel):
    """Settings of the reconstruction: the window of first orders and the weekday that ``order_dow`` 0 stands for."""

    model_config = ConfigDict(frozen=True)

    window_start: date = Field(
        default=date(2015, 1, 3), description="First day on which a user's first order can fall."
    )
    window_weeks: int = Field(
        default=104, ge=1, le=5200, description="Length of the window of first orders, in weeks."
    )
    first_weekday: Weekday = Field(
        default="Saturday",
        description="The weekday that order_dow 0 stands for; the publisher never said, the two busiest days are 0 and 1.",
    )
    as_of_date: date | None = Field(
        default=None,
        description="Day that recency, trends and forecasts look back from; by default the last full-coverage "
        "day where dates are reconstructed, else the last order date.",
    )

    @property
    def window_end(self) -> date:
        """The last day on which a user's first order can fall."""
        return self.window_start + timedelta(days=7 * self.window_weeks - 1)

    @property
    def full_coverage_start(self) -> date:
        """The first day on which every user could have an order; the last such day is ``window_end``."""
        return self.window_start + timedelta(days=LONGEST_USER_SPAN_DAYS)

    @property
    def day_names(self) -> tuple[Weekday, ...]:
        """Names of the days in the order of ``order_dow`` 0 to 6."""
        first = WEEKDAYS.index(self.first_weekday)
        return WEEKDAYS[first:] + WEEKDAYS[:first]

    def dow_of(self, day: date) -> int:
        """The ``order_dow`` (0 to 6) of a date."""
        return (day.weekday() - WEEKDAYS.index(self.first_weekday)) % 7

    def first_order_day(self, user_id: Number, first_dow: Number) -> Number:
        """Days from ``window_start`` to a user's first order, 0 to ``7 * window_weeks - 1``.

        Depends only on the user and that order's weekday: later orders never move it. Successive user ids are spread
        evenly over the weeks.

        Args:
            user_id: positive identifier of the user.
            first_dow: ``order_dow`` of the user's first order, 0 to 6.
        """
        # Engines differ on negative remainders.
        week = ((user_id % _PRIME + _PRIME) % _PRIME) * _MULTIPLIER % _PRIME % self.window_weeks
        days_into_week = (first_dow + (7 - self.dow_of(self.window_start))) % 7
        return week * 7 + days_into_week


def capped_gap_days(dow: Number, previous_dow: Number) -> Number:
    """Days that a capped gap stands for: the smallest count from 30 to 36 that ends on the right weekday.

    Args:
        dow: ``order_dow`` of the order, 0 to 6.
        previous_dow: ``order_dow`` of the same user's order before it, 0 to 6.
    """
    # 12 is congruent to -30 modulo 7 and keeps the dividend positive: engines differ on negative remainders.
    return (dow - previous_dow + 12) % 7 + GAP_CAP_DAYS
