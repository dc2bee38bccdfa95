"""The files of a bundle, as one tree.

Reads YAML with the line of every key, what is included, and what Python generates. Reports what is wrong with a file
as a file; whether its content is right is checked elsewhere.
"""

import importlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from databricks.bundles.core import Bundle, Resources
from databricks.bundles.core._resource_type import _ResourceType

from deploy.bundle_check.tree import Finding, KeyPath, Place, Tree, merge
from instacart_assets.errors import RemediableError

ROOT_FILE = "databricks.yml"


class BundleError(RemediableError):
    """A file of the bundle cannot be read; the message says which, and why."""


@dataclass(frozen=True)
class Files:
    """The content of a bundle's files.

    Attributes:
        tree: all of them merged, before any target.
        findings: what is wrong with them as files.
    """

    tree: Tree
    findings: tuple[Finding, ...]


def read_files(root: Path) -> Files:
    """The bundle in a folder.

    Raises:
        BundleError: a file is missing or is not YAML.
    """
    tree, findings = _read_yaml(root / ROOT_FILE, root)
    trees = [tree]
    for number, pattern in enumerate(tree.get_list("include")):
        paths = sorted(root.glob(str(pattern)))
        if not paths:
            findings.append(
                tree.report(
                    ("include", number), f"{pattern} finds no file", "name files below the bundle's folder"
                )
            )
        for path in paths:
            included, faults = _read_yaml(path, root)
            trees.append(included)
            findings += [*faults, *_find_strange_tops(included)]
    findings += _find_repeated_resources(trees)
    joined = trees[0]
    for one in trees[1:]:
        joined = merge(joined, one)
    return Files(joined, tuple(findings))


def _find_strange_tops(included: Tree) -> Iterator[Finding]:
    if included.get("include") is not None:
        yield included.report(
            ("include",), "only databricks.yml may include files", f"move it to {ROOT_FILE}"
        )


def _read_yaml(path: Path, root: Path) -> tuple[Tree, list[Finding]]:
    name = path.relative_to(root).as_posix()
    try:
        reader = _YamlReader(path.read_text("utf-8"), name)
        value = reader.read()
    except OSError as error:
        raise BundleError(
            f"{name}: there is no such file; run this in the folder of the bundle, or name it"
        ) from error
    except yaml.YAMLError as error:
        raise BundleError(f"{name}: is no YAML: {error}; correct it") from error
    if not isinstance(value, Mapping):
        raise BundleError(f"{name}: holds no mapping at its top; write keys as bundle: and resources:")
    return Tree(value, reader.places), reader.findings


class _YamlReader:
    """Reads YAML, and records the place of every key and which keys are repeated.

    Args:
        text: the file's text.
        name: the file's display name.
    """

    def __init__(self, text: str, name: str) -> None:
        self.places: dict[KeyPath, Place] = {}
        self.findings: list[Finding] = []
        self._loader = yaml.SafeLoader(text)
        self._name = name

    def read(self) -> Any:
        node = self._loader.get_single_node()
        return {} if node is None else self._build(node, ())

    def _build(self, node: yaml.Node, path: KeyPath) -> Any:
        self.places.setdefault(path, self._find_place(node))
        if isinstance(node, yaml.MappingNode):
            return self._build_mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self._build(part, (*path, number)) for number, part in enumerate(node.value)]
        return self._construct(node)

    def _build_mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(self._construct(key_node))
            here, place = (*path, key), self._find_place(key_node)
            if key in made:
                remedy = f"keep one of them: the first is in line {self.places[here].line}"
                self.findings.append(Finding(place, here, "the key is given twice", remedy))
            self.places[here] = place
            made[key] = self._build(value_node, here)
        return made

    def _find_place(self, node: yaml.Node) -> Place:
        return Place(self._name, node.start_mark.line + 1)

    def _construct(self, node: yaml.Node) -> Any:
        return self._loader.construct_object(node, deep=True)


def _find_repeated_resources(trees: Iterable[Tree]) -> Iterator[Finding]:
    """Resources that are in several files, or share a key with another, whatever their kinds."""
    seen: dict[str, tuple[str, Place]] = {}
    for tree in trees:
        for kind, resources in tree.get_mapping("resources").items():
            for key in resources if isinstance(resources, Mapping) else ():
                path = ("resources", kind, key)
                if key in seen:
                    other, place = seen[key]
                    yield tree.report(
                        path,
                        f"the key {key} is taken by {other} in {place}",
                        "give each resource its own key",
                    )
                seen.setdefault(key, (f"resources.{kind}.{key}", tree.find_place(path)))


def make_python_resources(tree: Tree, target: str) -> tuple[Tree, list[Finding]]:
    """What the functions under ``python.resources`` generate for a target, below ``resources``.

    Args:
        tree: the bundle merged with the target.
        target: name of the target.
    """
    made, findings = Tree({}), []
    for number, name in enumerate(tree.get_list("python", "resources")):
        path = ("python", "resources", number)
        try:
            resources = _call(str(name), target)
        except (ImportError, AttributeError, ValueError) as error:
            findings.append(
                tree.report(path, f"{name} cannot be loaded: {error}", "write it as package.module:function")
            )
            continue
        place = Place(f"{str(name).partition(':')[0].replace('.', '/')}.py")
        for kind, key, value in resources:
            if tree.get("resources", kind, key) is not None or made.get("resources", kind, key) is not None:
                findings.append(
                    tree.report(
                        path, f"{name} makes {kind}.{key} once more", "give each resource its own key"
                    )
                )
            made = merge(made, Tree(value, {(): place}).put("resources", kind, key))
    return made, findings


@cache
def _call(name: str, target: str) -> tuple[tuple[str, str, dict[str, Any]], ...]:
    """Kind, key and content of what a function generates for a target, passed through JSON as for the command line.

    Raises:
        ImportError: there is no such module.
        AttributeError: it has no such function.
        ValueError: the name is malformed.
    """
    module, mark, function = name.partition(":")
    if not mark:
        raise ValueError("it names no function")
    load: Callable[[Bundle], Resources] = getattr(importlib.import_module(module), function)
    made = load(Bundle(target=target, variables={}))
    return tuple(
        (kind.plural_name, key, json.loads(json.dumps(resource.as_dict())))
        for kind in _ResourceType.all()
        for key, resource in getattr(made, kind.plural_name).items()
    )
