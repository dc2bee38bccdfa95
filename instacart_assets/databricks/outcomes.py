"""What a preflight check found, and the list of checks as it grows.

Here lives nothing of what is checked.
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
        state: ``warned`` is what cannot be told or may well be meant; ``skipped`` waits for another check to pass.
        seen: what was seen.
        remedy: what to do about it; empty where there is nothing to do, or ``seen`` says it.
    """

    check: str
    state: State
    seen: str
    remedy: str = ""

    def __str__(self) -> str:
        """For people, in one line."""
        return f"{self.check}: {self.seen}" + (f"; {self.remedy}" if self.remedy else "")


def passed(check: str, seen: str) -> Outcome:
    """All is well."""
    return Outcome(check, "passed", seen)


def warned(check: str, seen: str, remedy: str) -> Outcome:
    """It may be well."""
    return Outcome(check, "warned", seen, remedy)


def failed(check: str, seen: str, remedy: str) -> Outcome:
    """A run would not go well."""
    return Outcome(check, "failed", seen, remedy)


class Inspection:
    """Checks that are made one after another; no fault keeps the next one from being looked for.

    Args:
        seconds: after which the checks that are left are skipped.
        silence: errors after which they are skipped too, as nobody answers.
        on_check: told the name of each check before it is made.
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
        """What a call finds; None where it fails, which is noted as the outcome of the check."""
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
        """Note what a check finds."""
        outcome = self.find(check, call)
        if outcome is not None:
            self.outcomes.append(outcome)

    def skip(self, checks: Iterable[str], reason: str) -> None:
        """Note that checks are not made."""
        self.outcomes += [Outcome(check, "skipped", reason) for check in checks]
