"""What is to go wrong: answers of the REST API, and runs.

Contains orders for trouble, each used up as it happens; who hangs up or ends a run, carries them out.
"""

import re
import threading
from dataclasses import dataclass

from instacart_assets_tests.workspace.answers import ApiError, Request

ERROR_CODES = {
    400: "BAD_REQUEST",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "REQUEST_LIMIT_EXCEEDED",
    500: "INTERNAL_ERROR",
    503: "TEMPORARILY_UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


class HangUp(Exception):  # noqa: N818 - no error: the connection ends without an answer
    """The connection is to be closed without an answer."""


@dataclass
class CallFault:
    """Trouble with calls of one kind.

    Attributes:
        method: as GET; empty for every method.
        path: pattern that the whole path matches.
        times: how many calls it strikes.
        after: how many calls it lets pass before.
        error: what is answered; nothing for a connection that is closed.
        is_late: whether the call is carried out all the same, and only its answer is lost.
    """

    method: str
    path: str
    times: int
    after: int
    error: ApiError | None
    is_late: bool = False

    def strikes(self, request: Request) -> bool:
        """Whether this call is struck; counts it."""
        if self.method not in ("", request.method) or not re.fullmatch(self.path, request.path):
            return False
        if self.after:
            self.after -= 1
            return False
        if not self.times:
            return False
        self.times -= 1
        return True


@dataclass
class RunFault:
    """How a submitted run ends without any of it being carried out.

    Attributes:
        life_cycle_state: as INTERNAL_ERROR or SKIPPED; empty for a run whose cluster never starts.
        result_state: as EXCLUDED; empty for none.
        message: what the run says of it.
    """

    life_cycle_state: str
    result_state: str
    message: str


class Faults:
    """Everything that is to go wrong in a workspace."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: list[CallFault] = []
        self._runs: list[RunFault] = []

    def add(
        self,
        method: str,
        path: str,
        *,
        status: int,
        times: int = 1,
        after: int = 0,
        retry_after: int | None = None,
        error_code: str | None = None,
        message: str = "The emulated workspace was told to fail.",
    ) -> None:
        """Answer the next calls of a kind with an error; ``path`` is a pattern of the whole path."""
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        error = ApiError(status, error_code or ERROR_CODES.get(status, "UNKNOWN"), message, headers)
        self._add(CallFault(method, path, times, after, error))

    def drop(self, method: str, path: str, *, times: int = 1, after: int = 0, is_late: bool = False) -> None:
        """Close the connection of the next calls of a kind without an answer.

        Args:
            method: as POST; empty for every method.
            path: pattern of the whole path.
            times: how many calls.
            after: how many calls pass before.
            is_late: carry the call out before, so that only its answer is lost.
        """
        self._add(CallFault(method, path, times, after, None, is_late))

    def end_run(self, life_cycle_state: str, result_state: str = "", message: str = "") -> None:
        """End the next submitted run in this state; nothing of it is carried out."""
        with self._lock:
            self._runs.append(RunFault(life_cycle_state, result_state, message))

    def hold_run(self) -> None:
        """Leave the next submitted run waiting for a cluster that never starts."""
        self.end_run("", message="Waiting for cluster")

    def _add(self, fault: CallFault) -> None:
        with self._lock:
            self._calls.append(fault)

    def find(self, request: Request) -> CallFault | None:
        """The trouble that strikes this call."""
        with self._lock:
            return next((fault for fault in self._calls if fault.strikes(request)), None)

    def take_run(self) -> RunFault | None:
        """The trouble that strikes the run which is being submitted."""
        with self._lock:
            return self._runs.pop(0) if self._runs else None
