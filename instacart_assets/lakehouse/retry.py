"""Retries work from the beginning when another run published first.

Contains how often and with which pauses. The lakes define what a conflict is.
"""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from instacart_assets.lakehouse.lake import PublishConflictError

ATTEMPTS = 5
PAUSE_SECONDS = 0.25
"""Mean pause before the second attempt; doubled before each further one."""

Result = TypeVar("Result")


def begin_anew(work: Callable[[], Result]) -> Result:
    """Do work that another run may overtake, and start over each time that happens.

    Args:
        work: pins its tables itself, so that each attempt sees what has been published meanwhile.

    Raises:
        PublishConflictError: each attempt was overtaken.
    """
    for attempt in range(ATTEMPTS - 1):
        try:
            return work()
        except PublishConflictError:
            # Jitter keeps two conflicting runs from colliding again.
            time.sleep(PAUSE_SECONDS * 2**attempt * random.uniform(0.5, 1.5))  # noqa: S311 - no secret
    return work()
