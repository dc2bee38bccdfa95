"""The door to a workspace: a client of its API, with the environment's credentials and a bounded patience.

Here lives how a client is made. Address and credentials are read by the Databricks SDK, from ``DATABRICKS_HOST``
and the rest of its own environment; no secret passes through this module.
"""

import time

from databricks.sdk import WorkspaceClient
from databricks.sdk.clock import Clock
from databricks.sdk.config import Config

from instacart_assets.errors import RemediableError

CREDENTIALS_HINT = (
    "set DATABRICKS_HOST to the workspace's address, and DATABRICKS_TOKEN or the variables of another way to log in "
    "that the Databricks SDK knows (a profile by DATABRICKS_CONFIG_PROFILE, a service principal by "
    "DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET)"
)

LONGEST_FAULT = 300
"""Characters of a fault that are shown; some servers answer with a page."""


class WorkspaceError(RemediableError):
    """A workspace cannot be spoken to; the message says what to set."""


def explain_fault(error: BaseException) -> str:
    """What went wrong between here and a workspace, in one line.

    A request that was tried again until its time was up ends in an error that says only that; what it was
    tried again for says more.
    """
    behind = error.__cause__ or error.__context__ if isinstance(error, TimeoutError) else None
    text = " ".join(str(behind or error).split()) or type(error).__name__
    return text if len(text) <= LONGEST_FAULT else f"{text[:LONGEST_FAULT]}…"


class BoundedClock(Clock):
    """A clock by which nobody sleeps beyond a given moment, however long a server asks to be left alone.

    Args:
        seconds: from now to that moment.
    """

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def is_over(self) -> bool:
        """Whether the moment has passed."""
        return time.monotonic() >= self._end

    def time(self) -> float:
        """Seconds of a clock that never goes back."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Sleep, if that ends before the moment.

        Raises:
            TimeoutError: it would not; whoever waits for an answer gives up at once.
        """
        if time.monotonic() + seconds > self._end:
            raise TimeoutError("no answer in the time that was given")
        time.sleep(seconds)


def open_workspace(
    *, answer_seconds: float, retry_seconds: float, clock: Clock | None = None
) -> WorkspaceClient:
    """A client of the workspace that the environment names.

    Args:
        answer_seconds: how long one request may take.
        retry_seconds: for how long a request is tried again that a busy or unreachable server did not answer.
        clock: what waits between tries.

    Raises:
        WorkspaceError: address or credentials are missing, or do not go together.
    """
    try:
        config = Config(
            http_timeout_seconds=answer_seconds,
            retry_timeout_seconds=retry_seconds,
            clock=clock,
        )
        return WorkspaceClient(config=config)
    except (ValueError, OSError) as error:
        raise WorkspaceError(f"{error}; {CREDENTIALS_HINT}") from error
