"""Schedules: Quartz cron expressions and time zones, wherever a resource has them."""

import re
from collections.abc import Iterator
from functools import cache
from zoneinfo import available_timezones

from deploy.bundle_check.tree import Finding, Tree, walk

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")

FIELDS: tuple[tuple[str, int, int, tuple[str, ...]], ...] = (
    ("second", 0, 59, ()),
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of month", 1, 31, ()),
    ("month", 1, 12, MONTHS),
    ("day of week", 1, 7, WEEKDAYS),
    ("year", 1970, 2099, ()),
)
"""Fields of an expression: name, minimum, maximum, and words in place of numbers, counted from the minimum."""

DAY_OF_MONTH, DAY_OF_WEEK = 3, 5
LAST = re.compile(r"L(-\d+)?|LW|\d+W")
"""Days of a month counted from its end, or to the nearest working day."""
NTH_WEEKDAY = re.compile(r"L|(?:[1-7]|SUN|MON|TUE|WED|THU|FRI|SAT)(?:L|#[1-5])")
"""Weekdays counted within a month."""


find_timezones = cache(available_timezones)


def check_schedules(tree: Tree) -> Iterator[Finding]:
    """Expressions and zones that Databricks refuses.

    Args:
        tree: the bundle merged with a target, references resolved.
    """
    for path, value in walk(tree.get("resources"), ("resources",)):
        if path[-1] in {"quartz_cron_expression", "quartz_cron_schedule"}:
            fault = find_cron_fault(str(value))
            if fault:
                remedy = "write second, minute, hour, day, month and weekday, as 0 30 5 * * ?"
                yield tree.report(path, f"{value!r} is no Quartz expression: {fault}", remedy)
        if path[-1] == "timezone_id" and str(value) not in find_timezones():
            yield tree.report(path, f"there is no time zone {value}", "write its IANA name, as Europe/Zurich")


def find_cron_fault(expression: str) -> str | None:
    """Why an expression is not valid; None where it is."""
    words = expression.upper().split()
    if len(words) not in {6, 7}:
        return f"it has {len(words)} fields"
    if (words[DAY_OF_MONTH] == "?") == (words[DAY_OF_WEEK] == "?"):
        return "one of day of month and day of week must be ?, and not both"
    for number, (word, (name, least, greatest, spelt)) in enumerate(zip(words, FIELDS, strict=False)):
        if word == "?" and number in {DAY_OF_MONTH, DAY_OF_WEEK}:
            continue
        special = {DAY_OF_MONTH: LAST, DAY_OF_WEEK: NTH_WEEKDAY}.get(number)
        for part in word.split(","):
            if special is not None and special.fullmatch(part):
                continue
            if not _is_range(part, least, greatest, spelt):
                return f"{part} is no {name}"
    return None


def _is_range(part: str, least: int, greatest: int, spelt: tuple[str, ...]) -> bool:
    """Whether a part of a field is a value, a range or a step over one."""
    span, slash, step = part.partition("/")
    if slash and not (step.isdigit() and int(step) > 0):
        return False
    if span == "*":
        return True
    ends = [_count(end, least, spelt) for end in span.split("-")]
    return len(ends) in {1, 2} and all(end is not None and least <= end <= greatest for end in ends)


def _count(word: str, least: int, spelt: tuple[str, ...]) -> int | None:
    if word in spelt:
        return least + spelt.index(word)
    return int(word) if word.isdigit() else None
