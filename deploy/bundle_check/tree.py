"""Configuration that knows where each of its values stands.

Here live values, their places and the two ways in which configuration is put together. What the values mean is no
business of this module.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

KeyPath = tuple[str | int, ...]
"""The way to a value, as ``("tasks", 0, "task_key")``."""


@dataclass(frozen=True, order=True)
class Place:
    """Where something is written.

    Attributes:
        file: path below the bundle's folder, or the function that made it.
        line: from 1; None where there is none.
    """

    file: str
    line: int | None = None

    def __str__(self) -> str:
        """As editors find it."""
        return self.file if self.line is None else f"{self.file}:{self.line}"


@dataclass(frozen=True)
class Finding:
    """A fault, for people.

    Attributes:
        place: where to mend it.
        path: the way to it from the top of the bundle.
        fault: what is wrong.
        remedy: what to do.
    """

    place: Place
    path: KeyPath
    fault: str
    remedy: str

    def __str__(self) -> str:
        """Place, key, fault and remedy in a line."""
        return f"{self.place}: {spell_path(self.path)}: {self.fault}; {self.remedy}"


@dataclass(frozen=True)
class Tree:
    """A value and where its parts stand.

    Attributes:
        value: mappings, lists and scalars, as YAML has them.
        places: where each part stands, by its path; a part that is not named stands where the nearest above it does.
    """

    value: Any
    places: Mapping[KeyPath, Place] = field(default_factory=dict)

    def find_place(self, path: KeyPath) -> Place:
        """Where a value stands, or the nearest above it that stands anywhere."""
        known = (path[:length] for length in range(len(path), -1, -1))
        return next((self.places[one] for one in known if one in self.places), Place("databricks.yml"))

    def get(self, *path: str | int) -> Any:
        """The value at a path; None where there is none."""
        value = self.value
        for key in path:
            is_there = (
                key in value
                if isinstance(value, Mapping)
                else isinstance(value, list) and isinstance(key, int) and key < len(value)
            )
            if not is_there:
                return None
            value = value[key]
        return value

    def get_mapping(self, *path: str | int) -> Mapping[str, Any]:
        """The mapping at a path; an empty one where there is none."""
        value = self.get(*path)
        return value if isinstance(value, Mapping) else {}

    def get_list(self, *path: str | int) -> list[Any]:
        """The list at a path; an empty one where there is none."""
        value = self.get(*path)
        return value if isinstance(value, list) else []

    def report(self, path: KeyPath, fault: str, remedy: str) -> Finding:
        """A fault of the value at a path."""
        return Finding(self.find_place(path), path, fault, remedy)

    def take(self, *path: str | int) -> "Tree":
        """The part at a path, as a tree of its own."""
        length = len(path)
        places = {where[length:]: place for where, place in self.places.items() if where[:length] == path}
        return Tree(self.get(*path), {(): self.find_place(path), **places})

    def put(self, *path: str | int) -> "Tree":
        """The same below a path."""
        value = self.value
        for key in reversed(path):
            value = {key: value}
        return Tree(value, {path + where: place for where, place in self.places.items()})

    def without(self, key: str) -> "Tree":
        """The same without one key at the top."""
        value = {name: part for name, part in self.get_mapping().items() if name != key}
        return Tree(value, {where: place for where, place in self.places.items() if where[:1] != (key,)})


def merge(under: Tree, over: Tree) -> Tree:
    """Both trees as one, as the command line puts targets over a bundle.

    Mappings are joined key by key, lists one after the other, and of two other values the upper one counts.
    """
    if isinstance(under.value, Mapping) and isinstance(over.value, Mapping):
        value, places = dict(under.value), dict(under.places)
        for key in over.value:
            joined = merge(under.take(key), over.take(key)) if key in value else over.take(key)
            value[key] = joined.value
            places = {where: place for where, place in places.items() if where[:1] != (key,)}
            places |= {(key, *where): place for where, place in joined.places.items()}
        return Tree(value, places)
    if isinstance(under.value, list) and isinstance(over.value, list):
        shift = len(under.value)
        moved = {
            (where[0] + shift, *where[1:]): place
            for where, place in over.places.items()
            if where and isinstance(where[0], int)
        }
        return Tree([*under.value, *over.value], {**under.places, **moved})
    return over


def walk(value: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    """Every part of a value that is neither mapping nor list, with its path."""
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from walk(part, (*path, key))
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from walk(part, (*path, number))
    else:
        yield path, value


def spell_path(path: KeyPath) -> str:
    """A path as people write it: ``tasks[0].task_key``."""
    spelt = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path)
    return spelt.removeprefix(".") or "the file"
