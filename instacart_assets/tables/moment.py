"""The time of a build, for transforms that record when something happened.

Contains the one value for the current time. A transform never reads the clock itself: it asks for the moment as it
asks for settings, by a parameter annotated ``Moment``, and a test can pass any moment.
"""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Moment:
    """The time of a build, one for the whole build of a table: all rows it stamps carry the same time.

    Attributes:
        at: the time in UTC, with time zone, to the microsecond.
    """

    at: datetime
