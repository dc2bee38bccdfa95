"""Keys that a bundle may have outside its resources.

Lists what the command line knows at the top of a bundle and one level below. The command line warns of an unknown key
and ignores it; here that is a fault.
"""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from deploy.bundle_check.references import KINDS
from deploy.bundle_check.tree import Finding, KeyPath, Tree

TARGET_KEYS = frozenset(
    {
        "artifacts", "bundle", "cluster_id", "default", "git", "mode", "permissions", "presets", "resources",
        "run_as", "sync", "variables", "workspace",
    }
)  # fmt: skip

ROOT_KEYS = (TARGET_KEYS - {"cluster_id", "default", "git", "mode"}) | {
    "experimental",
    "include",
    "python",
    "scripts",
    "targets",
}

KEYS: Mapping[str, frozenset[str]] = {
    "bundle": frozenset(
        {"cluster_id", "databricks_cli_version", "deployment", "engine", "git", "name", "uuid"}
    ),
    "workspace": frozenset(
        {
            "artifact_path", "auth_type", "azure_client_id", "azure_environment", "azure_login_app_id",
            "azure_tenant_id", "azure_workspace_resource_id", "client_id", "file_path", "google_service_account",
            "host", "profile", "resource_path", "root_path", "state_path",
        }
    ),
    "presets": frozenset(
        {
            "artifacts_dynamic_version", "jobs_max_concurrent_runs", "name_prefix", "pipelines_development",
            "source_linked_deployment", "tags", "trigger_pause_status",
        }
    ),
    "python": frozenset({"mutators", "resources", "venv_path"}),
    "sync": frozenset({"exclude", "include", "paths"}),
    "experimental": frozenset(
        {"python_wheel_wrapper", "scripts", "skip_artifact_cleanup", "skip_name_prefix_for_schema", "use_legacy_run_as"}
    ),
    "run_as": frozenset({"group_name", "service_principal_name", "user_name"}),
    "resources": frozenset(KINDS),
}  # fmt: skip
"""Keys of the sections whose names are fixed."""

NAMED_KEYS: Mapping[str, frozenset[str]] = {
    "artifacts": frozenset({"build", "dynamic_version", "executable", "files", "path", "type"}),
    "variables": frozenset({"default", "description", "lookup", "type"}),
}
"""Keys of what sections contain under names that the bundle chooses."""

MODES = ("development", "production")


def check_shape(tree: Tree) -> Iterator[Finding]:
    """Unknown keys, invalid modes, and variables of targets that are not declared.

    Args:
        tree: the bundle's files, before any target.
    """
    yield from _check_section(tree, (), ROOT_KEYS)
    if tree.get("bundle", "name") is None:
        yield tree.report(("bundle", "name"), "the bundle has no name", "give it one")
    if "${" in str(tree.get("bundle", "name")):
        yield tree.report(("bundle", "name"), "its name holds a reference", "write the name out")
    if not tree.get_mapping("targets"):
        yield tree.report(("targets",), "the bundle has no target", "name one, as dev")
    for name in tree.get_mapping("targets"):
        path: KeyPath = ("targets", name)
        yield from _check_section(tree, path, TARGET_KEYS)
        mode = tree.get(*path, "mode")
        if mode is not None and mode not in MODES:
            yield tree.report((*path, "mode"), f"there is no mode {mode}", f"write one of {', '.join(MODES)}")
        declared = tree.get_mapping("variables")
        for variable in tree.get_mapping(*path, "variables"):
            if variable not in declared:
                yield tree.report(
                    (*path, "variables", variable),
                    "the variable is not declared",
                    f"declare it under variables{_guess(variable, declared)}",
                )


def _check_section(tree: Tree, path: KeyPath, allowed: frozenset[str]) -> Iterator[Finding]:
    """Unknown keys of a section, and of the sections in it."""
    for key in tree.get_mapping(*path):
        here = (*path, key)
        if key not in allowed:
            yield tree.report(here, "there is no such key", f"take it out{_guess(key, allowed)}")
            continue
        for name in tree.get_mapping(*here) if key in KEYS else ():
            if name not in KEYS[key]:
                yield tree.report(
                    (*here, name), "there is no such key", f"take it out{_guess(name, KEYS[key])}"
                )
        for name in tree.get_mapping(*here) if key in NAMED_KEYS else ():
            for part in tree.get_mapping(*here, name):
                # A variable's value may be a mapping only below default.
                if part not in NAMED_KEYS[key]:
                    yield tree.report(
                        (*here, name, part),
                        "there is no such key",
                        f"take it out{_guess(part, NAMED_KEYS[key])}",
                    )
    host = tree.get(*path, "workspace", "host")
    if host is not None and "${" in str(host):
        yield tree.report(
            (*path, "workspace", "host"),
            "references are not resolved before the login",
            "write the address out, or set DATABRICKS_HOST",
        )


def _guess(name: str, known: Mapping[str, object] | frozenset[str]) -> str:
    near = get_close_matches(name, list(known), n=1)
    return f", or write {near[0]}" if near else ""
