"""The outcome of a preflight check, and the growing list of outcomes.

What is checked is defined elsewhere.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, TypeVar

from instacart_assets.errors import RemediableError

State = Literal["passed", "warned", "failed", "skipped"]

Found = TypeVar("Found")


@dataclass(frozen=True)
class Outcome:
    """What a check found.

    Attributes:
        check: its name.
        state: ``warned`` is unknown, or possibly intended; ``skipped`` depends on a check that has not passed.
        seen: what was seen.
        remedy: what to do about it; empty where there is nothing to do, or ``seen`` says it.
    """

    check: str
    state: State
    seen: str
    remedy: str = ""

    def __str__(self) -> str:
        """The outcome in one readable line."""
        return f"{self.check}: {self.seen}" + (f"; {self.remedy}" if self.remedy else "")


def passed(check: str, seen: str) -> Outcome:
    """The outcome of a check that found no fault."""
    return Outcome(check, "passed", seen)


def warned(check: str, seen: str, remedy: str) -> Outcome:
    """The outcome of a check that found a possible fault."""
    return Outcome(check, "warned", seen, remedy)


def failed(check: str, seen: str, remedy: str) -> Outcome:
    """The outcome of a check that found a fault: a run would fail."""
    return Outcome(check, "failed", seen, remedy)


class Inspection:
    """Checks that run one after another; a fault does not stop the next check.

    Args:
        seconds: after which the remaining checks are skipped.
        silence: errors after which they are skipped too, because nothing answers.
        on_check: called with the name of each check before it runs.
    """

    def __init__(
        self,
        seconds: float,
        silence: tuple[type[RemediableError], ...] = (),
        on_check: Callable[[str], object] = str,
    ) -> None:
        self.outcomes: list[Outcome] = []
        self._silence = silence
        self._end = time.monotonic() + seconds
        self._is_silent = False
        self._on_check = on_check

    def find(self, check: str, call: Callable[[], Found]) -> Found | None:
        """The result of a call; None if it fails, which is recorded as the outcome of the check."""
        if self._is_silent or time.monotonic() > self._end:
            self.skip([check], "there was no answer in time")
            return None
        self._on_check(check)
        try:
            return call()
        except RemediableError as error:
            self._is_silent = isinstance(error, self._silence)
            self.outcomes.append(failed(check, str(error), ""))
            return None

    def judge(self, check: str, call: Callable[[], Outcome]) -> None:
        """Record what a check finds."""
        outcome = self.find(check, call)
        if outcome is not None:
            self.outcomes.append(outcome)

    def skip(self, checks: Iterable[str], reason: str) -> None:
        """Record that checks are skipped."""
        self.outcomes += [Outcome(check, "skipped", reason) for check in checks]
