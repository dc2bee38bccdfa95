"""Work that begins anew when another run came first.

Here lives how often and how patiently. What is a conflict, the lakes say.
"""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from instacart_assets.lakehouse.lake import PublishConflictError

ATTEMPTS = 5
PAUSE_SECONDS = 0.25
"""Before the second attempt; twice as long before each that follows."""

Result = TypeVar("Result")


def begin_anew(work: Callable[[], Result]) -> Result:
    """Do work that another run may overtake, from the beginning each time that one has.

    Args:
        work: pins its tables itself, so that each attempt sees what has been published meanwhile.

    Raises:
        PublishConflictError: each attempt was overtaken.
    """
    for attempt in range(ATTEMPTS - 1):
        try:
            return work()
        except PublishConflictError:
            # Two that were in each other's way should not meet again.
            time.sleep(PAUSE_SECONDS * 2**attempt * random.uniform(0.5, 1.5))  # noqa: S311 - no secret
    return work()
