"""The moment of a build, for transforms that write down when something came to be.

Here lives the one value that stands for now. A transform never looks at a clock itself: it asks for the moment as
it asks for settings, by a parameter annotated ``Moment``, and a test gives it any moment it likes.
"""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Moment:
    """The moment of a build, one for the whole build of a table: all rows that it stamps bear the same.

    Attributes:
        at: in UTC, with its time zone, to the microsecond.
    """

    at: datetime
