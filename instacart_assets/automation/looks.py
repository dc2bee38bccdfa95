"""Notices what landed: looks at the landing folder, waits until files are complete, tells what is new.

Here lives the logic that the landing sensor and ``instacart watch`` share, without Dagster and without a clock: it is
given looks, one after another, and says after which of them there is a drop to take in.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from typing import Protocol, Self

MARKER = "_SUCCESS"
"""Name of the file by which whoever lands files says that a folder is complete."""

MOST_WAITS = 20
"""Looks for which files that are complete wait for others that are not, before they are taken in without them."""


@dataclass(frozen=True)
class Seen:
    """What a look says of a file without reading it.

    Attributes:
        size: in bytes.
        modified: when it was last written, in nanoseconds since 1970.
        identity: what else tells one file from another of its name, as the inode; empty where nothing does.
    """

    size: int
    modified: int
    identity: str = ""


@dataclass(frozen=True)
class Look:
    """The landing folder at one moment.

    Attributes:
        files: landed files of known sources, by their names below the folder, as ``orders/part.csv``.
        markers: when the marker of a folder was written, in nanoseconds since 1970, by the folder's name below the
            landing folder; the landing folder itself is the empty name.
    """

    files: Mapping[str, Seen]
    markers: Mapping[str, int] = field(default_factory=dict)


class LandingFolder(Protocol):
    """A landing folder that can be looked at, wherever it is."""

    def look(self) -> Look:
        """What lies in it now."""

    def fingerprint(self, name: str, seen: Seen) -> str | None:
        """What changes when the content of a file does; None where the file is no longer as it was seen."""


@dataclass(frozen=True)
class Taken:
    """A file whose content is taken in, or was asked to be."""

    seen: Seen
    fingerprint: str


@dataclass(frozen=True)
class Drop:
    """Files that landed together: each is new, or has another content than the one that was taken in.

    Attributes:
        number: of the drop, from 1. Content that comes back after another one is another drop.
        files: fingerprints by the names of the files.
    """

    number: int
    files: Mapping[str, str]

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the sources that the files belong to, as ``orders``."""
        return tuple(sorted({source_of(name) for name in self.files}))

    @property
    def key(self) -> str:
        """The same for the same drop, and for no other."""
        digest = sha256(json.dumps(sorted(self.files.items())).encode()).hexdigest()
        return f"drop-{self.number}-{digest[:16]}"


@dataclass(frozen=True)
class LandingState:
    """What is remembered from one look to the next.

    Attributes:
        drops: how many drops there were.
        taken: what is taken in, by name.
        last: what the last look saw, by name.
        waits: looks for which complete files have waited for others.
    """

    drops: int = 0
    taken: Mapping[str, Taken] = field(default_factory=dict)
    last: Mapping[str, Seen] = field(default_factory=dict)
    waits: int = 0

    @property
    def is_waiting(self) -> bool:
        """Whether the last look saw something that is not taken in yet."""
        return any(not _is_taken(self, name, seen) for name, seen in self.last.items())

    def list_landed(self, sources: Iterable[str]) -> list[str]:
        """Those of the sources of which a file is there, and was taken in or asked to be."""
        there = {source_of(name) for name in self.taken}
        return [source for source in sources if source in there]

    def write(self) -> str:
        """The state as text."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def read(cls, text: str | None) -> Self:
        """The state of a text that ``write`` gave; the first one for None."""
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
        )


def source_of(name: str) -> str:
    """The source of a landed file, ``orders`` for ``orders.csv`` and for ``orders/part.csv``."""
    return name.partition("/")[0].removesuffix(".csv")


def take_look(state: LandingState, folder: LandingFolder) -> tuple[LandingState, Drop | None]:
    """Look at the folder once, and tell the drop that is complete now, if there is one.

    Size and time decide whether a file is read again, its fingerprint whether it changed. A file is complete when two
    looks in a row saw it alike, or when a marker in its folder is newer than all the folder's files. A drop waits for
    all its files, though not for ever. A file that is gone is forgotten, and is no drop.
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
    state = replace(state, drops=state.drops + 1)
    return state, Drop(state.drops, files)


def _is_taken(state: LandingState, name: str, seen: Seen) -> bool:
    return name in state.taken and state.taken[name].seen == seen


def _is_marked(look: Look, name: str) -> bool:
    folder = name.rpartition("/")[0]
    together = (seen.modified for other, seen in look.files.items() if other.rpartition("/")[0] == folder)
    return look.markers.get(folder, 0) > max(together)
