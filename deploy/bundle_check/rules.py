"""House rules: what a target of each mode must and must not have, so that copies stay apart and people own nothing.

Finds what Databricks would deploy without complaint, but should not be deployed.
"""

import re
from collections.abc import Iterator, Mapping

from deploy.bundle_check.tree import Finding, KeyPath, Tree, walk
from instacart_assets.contracts.model import LAYER_DESCRIPTIONS

PROTECTED_TARGETS = frozenset({"prod"})
"""Targets whose data no deployment may delete."""

PREFIX = "${var.schema_prefix}"
"""Prefix of the schemas' names: the code builds them from the same variable."""

CURRENT_USER = re.compile(r"\$\{workspace\.current_user\.(short_name|userName)\}")
PERSONAL = re.compile(r"^~|\$\{workspace\.current_user\.|/Users/[^/]+@")
UNSHARED = ("apps", "model_serving_endpoints", "quality_monitors")
"""Kinds that Databricks refuses in a deployment with ``run_as``."""

FLOATING = re.compile(r"auto:|latest", re.IGNORECASE)
"""Versions that change by themselves."""


def check_rules(stated: Tree, tree: Tree, target: str) -> Iterator[Finding]:
    """What a target lacks, or should not have.

    Args:
        stated: the bundle merged with the target, as it is written.
        tree: the same with references resolved.
        target: its name.
    """
    mode = stated.get("targets", target, "mode")
    if mode is None:
        yield stated.report(
            ("targets", target, "mode"), "the target has no mode", "write development or production"
        )
    if stated.get("bundle", "engine") != "direct":
        yield stated.report(("bundle", "engine"), "the engine is not direct", "write engine: direct")
    if stated.get("bundle", "databricks_cli_version") is None:
        yield stated.report(
            ("bundle", "databricks_cli_version"), "any command line may deploy it", "name the least version"
        )
    yield from _check_names(stated)
    yield from _check_versions(tree)
    yield from _check_secrets(stated)
    if mode == "development":
        yield from _check_development(stated, target)
        yield from _find_pauses(tree, "UNPAUSED", "it would start by itself in development too")
    if mode == "production":
        yield from _check_production(stated, target)
        yield from _find_pauses(tree, "PAUSED", "it would never start by itself")
    if target in PROTECTED_TARGETS:
        yield from _check_protection(stated, target)


def _check_names(stated: Tree) -> Iterator[Finding]:
    """Schemas that are not named as the code expects."""
    if stated.get("experimental", "skip_name_prefix_for_schema") is not True:
        yield stated.report(
            ("experimental", "skip_name_prefix_for_schema"),
            "in development the command line would put a prefix of its own before the names of schemas",
            f"set it to true, and begin names with {PREFIX}",
        )
    schemas = stated.get_mapping("resources", "schemas")
    for layer in LAYER_DESCRIPTIONS:
        if layer not in schemas:
            yield stated.report(
                ("resources", "schemas"), f"there is no schema for {layer}", "add it, named by its layer"
            )
    for key, schema in schemas.items():
        name = schema.get("name") if isinstance(schema, Mapping) else None
        if name != f"{PREFIX}{key}":
            yield stated.report(
                ("resources", "schemas", key, "name"),
                f"it is called {name}, and the code looks for {PREFIX}{key}",
                f"write {PREFIX}{key}",
            )


def _check_versions(tree: Tree) -> Iterator[Finding]:
    for path, value in walk(tree.get("resources"), ("resources",)):
        is_version = {"spark_version", "environment_version", "preloaded_spark_versions"} & set(
            map(str, path)
        )
        if is_version and path[-1] not in {"type", "name"} and FLOATING.search(str(value)):
            yield tree.report(path, f"the version {value} changes by itself", "pin one, as 17.3.x-scala2.13")


def _check_secrets(stated: Tree) -> Iterator[Finding]:
    """View permissions on the whole bundle, which include reading its secrets."""
    if not stated.get_mapping("resources", "secret_scopes"):
        return
    for number, permission in enumerate(stated.get_list("permissions")):
        if isinstance(permission, Mapping) and permission.get("level") == "CAN_VIEW":
            yield stated.report(
                ("permissions", number, "level"),
                "CAN_VIEW of the bundle is READ of its secret scopes",
                "give CAN_VIEW to the resources that it is meant for",
            )


def _check_development(stated: Tree, target: str) -> Iterator[Finding]:
    """Settings with which two developers' copies would collide."""
    root = stated.get("workspace", "root_path")
    if root is not None and not PERSONAL.search(str(root)):
        yield stated.report(
            ("targets", target, "workspace", "root_path"),
            f"{root} is not the developer's own",
            "leave it out, or begin it with ~/",
        )
    for name in ("schema_prefix", "deployment"):
        if not _reaches_user(stated, f"${{var.{name}}}"):
            yield stated.report(
                ("targets", target, "variables", name),
                f"{name} is the same for every developer",
                "make ${workspace.current_user.short_name} a part of it",
            )
    if stated.get("targets", target, "presets", "trigger_pause_status") == "UNPAUSED":
        yield stated.report(
            ("targets", target, "presets", "trigger_pause_status"),
            "jobs of developers would start by themselves",
            "leave it out",
        )


def _find_pauses(tree: Tree, status: str, fault: str) -> Iterator[Finding]:
    """Schedules and triggers that contradict their target's mode."""
    for path, value in walk(tree.get("resources"), ("resources",)):
        if path[-1] == "pause_status" and value == status:
            yield tree.report(path, fault, "leave it out, or give it the other value in this target")


def _reaches_user(stated: Tree, text: str) -> bool:
    """Whether a text contains the deployer's name, directly or through variables."""
    for _ in range(len(stated.get_mapping("variables")) + 1):
        if CURRENT_USER.search(text):
            return True
        text = re.sub(
            r"\$\{var\.(\w+)\}",
            lambda found: str(stated.get("variables", found[1], "default") or ""),
            text,
        )
    return False


def _check_production(stated: Tree, target: str) -> Iterator[Finding]:
    """Settings with which shared jobs would not belong to a service principal, or not be in one place."""
    path: KeyPath = ("targets", target)
    if not stated.get("run_as", "service_principal_name"):
        yield stated.report(
            (*path, "run_as"), "jobs run as whoever deploys", "set run_as.service_principal_name"
        )
    root = stated.get(*path, "workspace", "root_path")
    if root is None:
        yield stated.report(
            (*path, "workspace", "root_path"),
            "each deployer would make a copy of their own",
            "name one folder, as that of the service principal",
        )
    elif PERSONAL.search(str(root)):
        yield stated.report(
            (*path, "workspace", "root_path"), f"{root} belongs to a person", "name the principal's folder"
        )
    if not stated.get_list("permissions"):
        yield stated.report(
            (*path, "permissions"), "nobody but the deployer sees what runs", "name who may manage and run it"
        )
    if stated.get(*path, "presets", "trigger_pause_status") == "PAUSED":
        yield stated.report(
            (*path, "presets", "trigger_pause_status"), "nothing would start by itself", "leave it out"
        )
    yield from _check_owners(stated)


def _check_owners(stated: Tree) -> Iterator[Finding]:
    """Resources that depend on a person, or are of a kind that another principal cannot run."""
    rights = [
        *walk(stated.get("permissions"), ("permissions",)),
        *walk(stated.get("resources"), ("resources",)),
    ]
    for where, value in rights:
        if where[-1] == "user_name" and "permissions" in where:
            yield stated.report(where, f"a right belongs to the person {value}", "give it to a group")
        if where[-1] == "embed_credentials" and value is True:
            yield stated.report(where, "credentials are embedded, which run_as forbids", "set it to false")
    for kind in UNSHARED:
        for key in stated.get_mapping("resources", kind):
            yield stated.report(
                ("resources", kind, key), f"{kind} cannot run as another principal", "deploy it by itself"
            )


def _check_protection(stated: Tree, target: str) -> Iterator[Finding]:
    kept: list[KeyPath] = [
        ("resources", "schemas", key) for key in stated.get_mapping("resources", "schemas")
    ]
    kept += [
        ("resources", "volumes", key)
        for key, volume in stated.get_mapping("resources", "volumes").items()
        if "schemas.landing." in str(volume.get("schema_name"))
    ]
    for path in kept:
        if stated.get(*path, "lifecycle", "prevent_destroy") is not True:
            yield stated.report(
                (*path, "lifecycle", "prevent_destroy"),
                f"a deployment to {target} could remove it with all that it holds",
                f"set it to true under targets.{target}",
            )
