"""All checks of a bundle, target by target.

Contains the order in which they run; each is independent of the others.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from deploy.bundle_check.dashboards import check_alerts, check_dashboards
from deploy.bundle_check.empty_lake import EmptyLake
from deploy.bundle_check.files import make_python_resources, read_files
from deploy.bundle_check.jobs import check_jobs
from deploy.bundle_check.paths import check_paths
from deploy.bundle_check.references import Resolver, UnknownReferenceError, find_default, is_looked_up
from deploy.bundle_check.resource_types import check_resource_types
from deploy.bundle_check.rules import PREFIX, check_rules
from deploy.bundle_check.schedules import check_schedules
from deploy.bundle_check.shape import check_shape
from deploy.bundle_check.tree import Finding, Tree, merge
from deploy.bundle_check.wheel import check_artifacts, read_wheel

REPLACED = frozenset({"run_as"})
"""Keys whose value a target replaces as a whole."""

OWN_KEYS = frozenset({"default", "mode", "git", "cluster_id"})
"""Keys that only a target has."""

open_lake = cache(EmptyLake)
"""The empty tables of a schema prefix, created once per process."""


@dataclass(frozen=True)
class Report:
    """What was found.

    Attributes:
        targets: names of the targets that were checked.
        findings: faults; one that several targets share is listed once.
    """

    targets: tuple[str, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Target:
    """A bundle as one target sees it.

    Attributes:
        name: the target.
        stated: as it is written, with the resources that Python generates.
        resolved: the same with references resolved; placeholders replace what only a workspace knows.
        findings: references that cannot be resolved, and resources that could not be generated.
    """

    name: str
    stated: Tree
    resolved: Tree
    findings: tuple[Finding, ...]


def check_bundle(root: Path) -> Report:
    """Every fault of the bundle in a folder.

    Raises:
        BundleError: a file cannot be read.
    """
    root = root.resolve()
    files, wheel = read_files(root), read_wheel(root)
    targets = [choose_target(files.tree, name) for name in files.tree.get_mapping("targets")]
    found = [*files.findings, *check_shape(files.tree)]
    for target in targets:
        found += target.findings
        found += check_resource_types(target.stated)
        found += check_rules(target.stated, target.resolved, target.name)
        found += check_jobs(target.resolved, wheel)
        found += check_artifacts(target.resolved, wheel)
        found += check_schedules(target.resolved)
        found += check_paths(target.resolved, root)
        found += _check_sql(target, root)
    unique = dict.fromkeys(found)
    return Report(tuple(target.name for target in targets), tuple(sorted(unique, key=str)))


def choose_target(tree: Tree, name: str) -> Target:
    """The bundle merged with a target, and with what Python generates for the target.

    Args:
        tree: the bundle's files.
        name: the target.
    """
    stated = tree
    over = tree.take("targets", name)
    for key in over.get_mapping():
        if key in OWN_KEYS:
            continue
        part = over.take(key)
        if key == "variables":
            part = _spell_variables(part)
        if key in REPLACED:
            stated = stated.without(key)
        stated = merge(stated, part.put(key))
    made, findings = make_python_resources(stated, name)
    stated = merge(stated, made)
    resolver = Resolver(stated, name, {"catalog": EmptyLake.catalog})
    here = stated.without("targets")  # other targets are checked separately
    faults = list(resolver.find_faults(here))
    wrong = {fault.path for fault in faults}
    resolved = Tree(_resolve_sound(resolver, here, wrong), here.places)
    return Target(name, stated, resolved, (*findings, *faults))


def list_required(tree: Tree, name: str) -> tuple[str, ...]:
    """Variables of a target that need a value at deployment, set as ``BUNDLE_VAR_NAME``.

    Args:
        tree: the bundle's files.
        name: the target.
    """
    variables = choose_target(tree, name).stated.get_mapping("variables")
    return tuple(
        key
        for key, declared in variables.items()
        if find_default(declared) is None and not is_looked_up(declared)
    )


def _spell_variables(part: Tree) -> Tree:
    """A target's variables with short-form values spelt out as defaults."""
    value = {
        key: one if isinstance(one, dict) else {"default": one} for key, one in part.get_mapping().items()
    }
    return Tree(value, part.places)


def _resolve_sound(resolver: Resolver, tree: Tree, wrong: set[tuple[str | int, ...]]) -> object:
    """Every value resolved, except those with a reference that cannot be resolved, which stay as they are."""

    def resolve(value: object, path: tuple[str | int, ...]) -> object:
        if isinstance(value, dict):
            return {key: resolve(part, (*path, key)) for key, part in value.items()}
        if isinstance(value, list):
            return [resolve(part, (*path, number)) for number, part in enumerate(value)]
        return value if path in wrong else resolver.resolve(value)

    return resolve(tree.value, ())


def _check_sql(target: Target, root: Path) -> Iterator[Finding]:
    try:
        prefix = str(Resolver(target.stated, target.name).resolve(PREFIX))
    except UnknownReferenceError:
        return  # already reported
    lake = open_lake(prefix)
    yield from check_dashboards(target.resolved, root, lake)
    yield from check_alerts(target.resolved, lake)
