"""Where the seconds of a table's build go.

Wraps the functions of ``tables/build.py`` from outside, with a clock for each part: the product itself does not
measure.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from instacart_assets.lakehouse.folder_lake import FolderLake
from instacart_assets.tables import build, landed_draft, made_draft
from instacart_assets.tables.draft import Draft
from instacart_assets.tables.landed_draft import LandedDraft
from instacart_assets.tables.made_draft import MadeDraft

MAKE, QUALITY, WRITE, SHOW, REST = "transform", "quality", "write", "show", "rest"
"""Parts: building rows, with the candidate's (the staged version's) Parquet, which a lazy engine writes as it computes
them; checking them and keeping the refused ones; publishing the version; preview and charts; everything else between
a table's start and end."""

CLOCKED: tuple[tuple[Any, str, str], ...] = (
    (FolderLake, "stage", MAKE),
    (FolderLake, "compare", MAKE),
    (FolderLake, "publish", WRITE),
    (FolderLake, "discard", WRITE),
    (landed_draft, "open_source", QUALITY),
    (made_draft, "find_repeats", QUALITY),
    (LandedDraft, "audit", QUALITY),
    (MadeDraft, "_make_rows", MAKE),
    (MadeDraft, "audit", QUALITY),
    (LandedDraft, "settle_refused", QUALITY),
    (MadeDraft, "settle_refused", QUALITY),
    (Draft, "keep_refused", QUALITY),
    (Draft, "note_version", QUALITY),
    (build, "_read_preview", SHOW),
    (build, "_draw_charts", SHOW),
)


class Clocks:
    """Seconds by table and part; time in a nested part counts only for that part.

    Attributes:
        seconds: by address and part.
        spans: when each table's build started and ended, in seconds since 1970.
    """

    def __init__(self) -> None:
        self.seconds: defaultdict[str, defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))
        self.spans: dict[str, tuple[float, float]] = {}
        self._table = ""
        self._open: list[str] = []
        self._since = 0.0

    @contextmanager
    def count(self, part: str) -> Iterator[None]:
        """Count the time in the context for a part of the table that is being built."""
        self._note()
        self._open.append(part)
        try:
            yield
        finally:
            self._note()
            self._open.pop()

    def _note(self) -> None:
        now = time.perf_counter()
        if self._open:
            self.seconds[self._table][self._open[-1]] += now - self._since
        self._since = now

    def _wrap(self, function: Callable[..., Any], part: str) -> Callable[..., Any]:
        @wraps(function)
        def clocked(*given: Any, **named: Any) -> Any:
            with self.count(part):
                return function(*given, **named)

        return clocked

    def _wrap_table(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def clocked(table: Any, *given: Any) -> Any:
            self._table = table.address
            begun = time.time()
            try:
                with self.count(REST):
                    return function(table, *given)
            finally:
                self.spans[table.address] = (begun, time.time())

        return clocked

    @contextmanager
    def attach(self) -> Iterator[None]:
        """Clock every table that this process builds in the context, one after another."""
        build_held = build._build_held
        found = [(owner, name, getattr(owner, name)) for owner, name, _ in CLOCKED]
        for owner, name, part in CLOCKED:
            setattr(owner, name, self._wrap(getattr(owner, name), part))
        build._build_held = self._wrap_table(build_held)
        try:
            yield
        finally:
            for owner, name, function in [*found, (build, "_build_held", build_held)]:
                setattr(owner, name, function)
