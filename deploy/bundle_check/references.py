"""References: ``${var.catalog}``, ``${resources.schemas.gold.name}``, ``${bundle.target}``, ``${workspace.root_path}``.

Resolves each of them for one target, and finds which cannot be resolved. What only a workspace knows, such as an id or
the deployer, gets a placeholder.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from databricks.bundles.core._resource_type import _ResourceType

from deploy.bundle_check.tree import Finding, KeyPath, Tree, walk

REFERENCE = re.compile(r"\$\{([a-zA-Z][\w-]*(?:\.[a-zA-Z_][\w-]*(?:\[\d+\])*)*)\}")
OPENED = re.compile(r"\$\{")

STAND_INS: Mapping[str, str] = {
    "workspace.host": "https://workspace.example",
    "workspace.current_user.userName": "deployer@example.org",
    "workspace.current_user.short_name": "deployer",
    "workspace.current_user.domain_friendly_name": "deployer-example",
    "workspace.file_path": "/Workspace/stand-in/files",
    "workspace.artifact_path": "/Workspace/stand-in/artifacts",
    "workspace.resource_path": "/Workspace/stand-in/resources",
    "workspace.state_path": "/Workspace/stand-in/state",
    "workspace.root_path": "/Workspace/stand-in",
    "bundle.git.branch": "main",
    "bundle.git.commit": "0" * 40,
    "bundle.git.origin_url": "https://git.example/instacart",
}
"""Placeholders for what is known only where a bundle is deployed."""

GIVEN_BACK: Mapping[str, frozenset[str]] = {
    "volumes": frozenset({"id", "volume_path"}),
    "schemas": frozenset({"id"}),
}
"""Fields that resources have once deployed, besides their configuration; every other kind has an ``id``."""

KINDS = {kind.plural_name: kind.resource_type for kind in _ResourceType.all()}
"""Every kind of resource that Databricks' library knows."""

NUMBERED = frozenset({"jobs"})
"""Kinds whose ids are numbers."""


class UnknownReferenceError(ValueError):
    """A reference cannot be resolved; the message says why and, after a semicolon, what to do."""


@dataclass
class Resolver:
    """Resolves references of one target.

    Attributes:
        tree: the bundle merged with the target, with all resources in it.
        target: name of the target.
        chosen: values of variables that override those of the bundle.
    """

    tree: Tree
    target: str
    chosen: Mapping[str, str] = field(default_factory=dict)

    def resolve(self, value: Any) -> Any:
        """The value with all its references resolved.

        Raises:
            UnknownReferenceError: one cannot be resolved.
        """
        if isinstance(value, Mapping):
            return {key: self.resolve(part) for key, part in value.items()}
        if isinstance(value, list):
            return [self.resolve(part) for part in value]
        return self._resolve_text(value, ()) if isinstance(value, str) else value

    def find_faults(self, tree: Tree, prefix: KeyPath = ()) -> Iterator[Finding]:
        """Every reference of a tree that cannot be resolved.

        Args:
            tree: the bundle, or a part of it.
            prefix: the path to the part.
        """
        for path, value in walk(tree.value):
            if not isinstance(value, str) or "${" not in value:
                continue
            try:
                self._resolve_text(value, ())
            except UnknownReferenceError as error:
                fault, _, remedy = str(error).partition("; ")
                yield Finding(tree.find_place(path), prefix + path, f"{fault} (target {self.target})", remedy)

    def _resolve_text(self, text: str, under_way: tuple[str, ...]) -> Any:
        if len(OPENED.findall(text)) != len(REFERENCE.findall(text)):
            raise UnknownReferenceError(
                f"{text!r} opens a reference and does not close it well; write it as ${{var.NAME}}"
            )
        whole = REFERENCE.fullmatch(text)
        if whole:
            return self._look_up(whole[1], under_way)
        return REFERENCE.sub(lambda found: str(self._look_up(found[1], under_way)), text)

    def _look_up(self, name: str, under_way: tuple[str, ...]) -> Any:
        if name in under_way:
            raise UnknownReferenceError(
                f"${{{name}}} refers to itself by way of {' and '.join(under_way)}; give one of them a value"
            )
        first, *rest = name.split(".")
        find: Callable[[list[str]], Any] | None = {
            "var": self._find_variable,
            "resources": self._find_resource,
            "bundle": self._find_bundle,
            "workspace": self._find_workspace,
        }.get(first)
        if find is None:
            raise UnknownReferenceError(
                f"${{{name}}} is of no kind; references begin with var, resources, bundle or workspace"
            )
        value = find(rest)
        return self._resolve_text(value, (*under_way, name)) if isinstance(value, str) else value

    def _find_variable(self, path: list[str]) -> Any:
        name = ".".join(path)
        declared = self.tree.get_mapping("variables")
        if name not in declared:
            raise UnknownReferenceError(f"there is no variable {name}; declare it under variables")
        if name in self.chosen:
            return self.chosen[name]
        default = find_default(declared[name])
        # A variable without a value here is set at deployment, or looked up in the workspace.
        return f"given-{name}" if default is None else default

    def _find_resource(self, path: list[str]) -> Any:
        if len(path) < 3:  # noqa: PLR2004 - kind, key and field
            raise UnknownReferenceError(
                f"${{resources.{'.'.join(path)}}} names no field; write it as ${{resources.KIND.KEY.FIELD}}"
            )
        kind, key, *fields = path
        if self.tree.get("resources", kind, key) is None:
            raise UnknownReferenceError(f"there is no resources.{kind}.{key}; name a resource of this target")
        value = self.tree.get("resources", kind, key, *fields)
        if value is not None:
            return value
        name = ".".join(fields)
        if name in GIVEN_BACK.get(kind, {"id"}):
            return 7 if kind in NUMBERED else f"{name}-of-{key}"
        raise UnknownReferenceError(f"resources.{kind}.{key} has no {name}; name a field that it sets, or id")

    def _find_bundle(self, path: list[str]) -> Any:
        if path == ["target"]:
            return self.target
        return self._find_set_or_stand_in(["bundle", *path])

    def _find_workspace(self, path: list[str]) -> Any:
        return self._find_set_or_stand_in(["workspace", *path])

    def _find_set_or_stand_in(self, path: list[str]) -> Any:
        name, value = ".".join(path), self.tree.get(*path)
        if value is None and name not in STAND_INS:
            known = ", ".join(sorted(one for one in STAND_INS if one.startswith(f"{path[0]}.")))
            raise UnknownReferenceError(f"${{{name}}} is not known; there are {known}")
        return STAND_INS[name] if value is None else value


def find_default(declared: Any) -> Any:
    """The default of a variable; None where a value is required, or looked up in the workspace."""
    return declared.get("default") if isinstance(declared, Mapping) else declared


def is_looked_up(declared: Any) -> bool:
    """Whether a variable's value is looked up in the workspace."""
    return isinstance(declared, Mapping) and declared.get("lookup") is not None
