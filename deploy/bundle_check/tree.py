"""Configuration that knows where each of its values is written.

Contains values, their places and the two ways in which configuration is combined. What the values mean is defined
elsewhere.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

KeyPath = tuple[str | int, ...]
"""The path to a value, such as ``("tasks", 0, "task_key")``."""


@dataclass(frozen=True, order=True)
class Place:
    """Where something is written.

    Attributes:
        file: path below the bundle's folder, or the function that generated it.
        line: from 1; None where there is none.
    """

    file: str
    line: int | None = None

    def __str__(self) -> str:
        """The place in the form that editors open."""
        return self.file if self.line is None else f"{self.file}:{self.line}"


@dataclass(frozen=True)
class Finding:
    """A fault, to be shown to people.

    Attributes:
        place: where to fix it.
        path: the path to it from the top of the bundle.
        fault: what is wrong.
        remedy: what to do.
    """

    place: Place
    path: KeyPath
    fault: str
    remedy: str

    def __str__(self) -> str:
        """Place, key, fault and remedy in one line."""
        return f"{self.place}: {spell_path(self.path)}: {self.fault}; {self.remedy}"


@dataclass(frozen=True)
class Tree:
    """A value and where its parts are written.

    Attributes:
        value: mappings, lists and scalars, as read from YAML.
        places: where each part is written, by its path; a part that is not listed takes its nearest ancestor's.
    """

    value: Any
    places: Mapping[KeyPath, Place] = field(default_factory=dict)

    def find_place(self, path: KeyPath) -> Place:
        """Where a value is written, or its nearest ancestor with a place."""
        known = (path[:length] for length in range(len(path), -1, -1))
        return next((self.places[one] for one in known if one in self.places), Place("databricks.yml"))

    def get(self, *path: str | int) -> Any:
        """The value at a path; None if there is none."""
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
        """The mapping at a path; empty if there is none."""
        value = self.get(*path)
        return value if isinstance(value, Mapping) else {}

    def get_list(self, *path: str | int) -> list[Any]:
        """The list at a path; empty if there is none."""
        value = self.get(*path)
        return value if isinstance(value, list) else []

    def report(self, path: KeyPath, fault: str, remedy: str) -> Finding:
        """A finding about the value at a path."""
        return Finding(self.find_place(path), path, fault, remedy)

    def take(self, *path: str | int) -> "Tree":
        """The part at a path, as a separate tree."""
        length = len(path)
        places = {where[length:]: place for where, place in self.places.items() if where[:length] == path}
        return Tree(self.get(*path), {(): self.find_place(path), **places})

    def put(self, *path: str | int) -> "Tree":
        """This tree below a path."""
        value = self.value
        for key in reversed(path):
            value = {key: value}
        return Tree(value, {path + where: place for where, place in self.places.items()})

    def without(self, key: str) -> "Tree":
        """This tree without one key at the top."""
        value = {name: part for name, part in self.get_mapping().items() if name != key}
        return Tree(value, {where: place for where, place in self.places.items() if where[:1] != (key,)})


def merge(under: Tree, over: Tree) -> Tree:
    """Both trees merged, as the command line merges targets into a bundle.

    Mappings are merged key by key, lists are concatenated, and of two other values ``over`` wins.
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
    """A path in the usual notation: ``tasks[0].task_key``."""
    spelt = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path)
    return spelt.removeprefix(".") or "the file"
