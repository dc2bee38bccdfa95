"""Detects what landed: polls the landing folder, waits until files are complete, returns what is new.

Contains the logic that the landing sensor and ``instacart watch`` share, without Dagster and without a clock: it is
given polls, one after another, and decides after which of them there is a drop (a batch of newly landed files) to
ingest.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from typing import Protocol, Self

MARKER = "_SUCCESS"
"""Name of the marker file by which a producer declares that a folder is complete."""

MOST_WAITS = 20
"""Polls that complete files wait for incomplete ones, before they are ingested without them."""


@dataclass(frozen=True)
class Seen:
    """What a poll sees of a file without reading it.

    Attributes:
        size: in bytes.
        modified: when it was last written, in nanoseconds since 1970.
        identity: what else distinguishes it from another file of its name, such as the inode; empty if nothing does.
    """

    size: int
    modified: int
    identity: str = ""


@dataclass(frozen=True)
class Look:
    """The landing folder as one poll saw it.

    Attributes:
        files: landed files of known sources, by their names below the folder, such as ``orders/part.csv``.
        markers: when the marker of a folder was written, in nanoseconds since 1970, by the folder's name below the
            landing folder; the landing folder itself is the empty name.
    """

    files: Mapping[str, Seen]
    markers: Mapping[str, int] = field(default_factory=dict)


class LandingFolder(Protocol):
    """A landing folder that can be polled, wherever it is."""

    def look(self) -> Look:
        """What it contains now."""

    def fingerprint(self, name: str, seen: Seen) -> str | None:
        """A value that changes with the content of a file; None if the file is no longer as it was seen."""


@dataclass(frozen=True)
class Taken:
    """A file whose content was ingested, or requested to be."""

    seen: Seen
    fingerprint: str


@dataclass(frozen=True)
class Drop:
    """Files that landed together: each is new, or its content differs from what was ingested.

    Attributes:
        number: number of the drop, from 1. Content that comes back after another one is another drop.
        files: fingerprints by the names of the files.
        left: names of files of earlier drops that failed, which this one brings along.
    """

    number: int
    files: Mapping[str, str]
    left: tuple[str, ...] = ()

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the sources that the files belong to, such as ``orders``."""
        return tuple(sorted({source_of(name) for name in (*self.files, *self.left)}))

    @property
    def key(self) -> str:
        """A key that is unique to the drop and always the same for it."""
        digest = sha256(json.dumps(sorted(self.files.items())).encode()).hexdigest()
        return f"drop-{self.number}-{digest[:16]}"


@dataclass(frozen=True)
class LandingState:
    """What is remembered from one poll to the next.

    Attributes:
        drops: how many drops there were.
        taken: ingested or requested files, by name.
        last: files that the last poll saw, by name.
        waits: polls that complete files have waited for others.
        asked: names of the files of the last drop, until its end is known.
        left: names of files of drops that failed.
    """

    drops: int = 0
    taken: Mapping[str, Taken] = field(default_factory=dict)
    last: Mapping[str, Seen] = field(default_factory=dict)
    waits: int = 0
    asked: tuple[str, ...] = ()
    left: tuple[str, ...] = ()

    @property
    def is_waiting(self) -> bool:
        """Whether the last poll saw something that is not ingested yet."""
        return any(not _is_taken(self, name, seen) for name, seen in self.last.items())

    def settle(self, *, is_good: bool) -> "LandingState":
        """The state once the last drop has ended: of one that failed, nothing was ingested."""
        left = self.left if is_good else tuple(dict.fromkeys((*self.left, *self.asked)))
        return replace(self, asked=(), left=left)

    def write(self) -> str:
        """The state as text."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def read(cls, text: str | None) -> Self:
        """The state from text that ``write`` returned; the initial state for None."""
        if text is None:
            return cls()
        said = json.loads(text)
        return cls(
            drops=said["drops"],
            taken={
                name: Taken(Seen(**one["seen"]), one["fingerprint"]) for name, one in said["taken"].items()
            },
            last={name: Seen(**seen) for name, seen in said["last"].items()},
            waits=said["waits"],
            asked=tuple(said.get("asked", ())),
            left=tuple(said.get("left", ())),
        )


def source_of(name: str) -> str:
    """The source of a landed file: ``orders`` for ``orders.csv`` and for ``orders/part.csv``."""
    return name.partition("/")[0].removesuffix(".csv")


def take_look(state: LandingState, folder: LandingFolder) -> tuple[LandingState, Drop | None]:
    """Poll the folder once, and return the drop that is complete now, if there is one.

    Size, modification time and identity decide whether a file is read again, its fingerprint whether it changed. A file
    is complete when two polls in a row saw the same, or when a marker in its folder is newer than all the folder's
    files. A drop waits for all its files, up to ``MOST_WAITS`` polls. A file that is gone is forgotten, and is no drop.

    One bad file stops a whole drop. The others come along with the drop that mends it: the next one in which a file of
    the failed drop is replaced, or before which one is gone. Until then other drops go their own way.
    """
    look = folder.look()
    kept = {name: one for name, one in state.taken.items() if name in look.files}
    state, before = replace(state, taken=kept, last=look.files), state.last
    changed = {name: seen for name, seen in look.files.items() if not _is_taken(state, name, seen)}
    complete = {
        name: seen for name, seen in changed.items() if before.get(name) == seen or _is_marked(look, name)
    }
    if not complete:
        return replace(state, waits=0), None
    if len(complete) < len(changed) and state.waits < MOST_WAITS:
        return replace(state, waits=state.waits + 1), None
    return _take_in(state, complete, folder)


def _take_in(
    state: LandingState, complete: Mapping[str, Seen], folder: LandingFolder
) -> tuple[LandingState, Drop | None]:
    read = {
        name: Taken(seen, content)
        for name, seen in complete.items()
        if (content := folder.fingerprint(name, seen))
    }
    files = {
        name: one.fingerprint
        for name, one in read.items()
        if name not in state.taken or state.taken[name].fingerprint != one.fingerprint
    }
    state = replace(state, taken={**state.taken, **read}, waits=0)
    if not files:
        return state, None
    is_mended = any(name in files or name not in state.taken for name in state.left)
    along = tuple(name for name in state.left if is_mended and name in state.taken)
    state = replace(
        state,
        drops=state.drops + 1,
        asked=tuple(dict.fromkeys((*files, *along))),
        left=() if is_mended else state.left,
    )
    return state, Drop(state.drops, files, along)


def _is_taken(state: LandingState, name: str, seen: Seen) -> bool:
    return name in state.taken and state.taken[name].seen == seen


def _is_marked(look: Look, name: str) -> bool:
    folder = name.rpartition("/")[0]
    together = (seen.modified for other, seen in look.files.items() if other.rpartition("/")[0] == folder)
    return look.markers.get(folder, 0) > max(together)
