"""Resources as Databricks' own library reads them.

Uses ``databricks-bundles`` to find unknown fields, missing fields and values that an enumeration does not have.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from deploy.bundle_check.references import KINDS
from deploy.bundle_check.tree import Finding, KeyPath, Tree

PRIVILEGES: Mapping[str, frozenset[str]] = {
    "schemas": frozenset(
        {
            "ALL_PRIVILEGES", "APPLY_TAG", "BROWSE", "CREATE_FUNCTION", "CREATE_MATERIALIZED_VIEW", "CREATE_MODEL",
            "CREATE_TABLE", "CREATE_VOLUME", "EXECUTE", "EXTERNAL_USE_SCHEMA", "MANAGE", "MODIFY", "READ_VOLUME",
            "REFRESH", "SELECT", "USE_SCHEMA", "WRITE_VOLUME",
        }
    ),
    "volumes": frozenset({"ALL_PRIVILEGES", "APPLY_TAG", "BROWSE", "MANAGE", "READ_VOLUME", "WRITE_VOLUME"}),
}  # fmt: skip
"""What can be granted on each kind: the library accepts every privilege on everything."""


def check_resource_types(tree: Tree) -> Iterator[Finding]:
    """Resources that the library refuses, and grants that their kind does not have.

    Args:
        tree: the bundle merged with a target.
    """
    for kind, resource_type in KINDS.items():
        for key, resource in tree.get_mapping("resources", kind).items():
            path: KeyPath = ("resources", kind, key)
            if not isinstance(resource, Mapping):
                yield tree.report(path, "holds nothing", "write its fields, or take it out")
                continue
            try:
                resource_type.from_dict(resource)  # type: ignore[attr-defined] # every kind has it
            except (TypeError, ValueError) as error:
                cause = str(error).replace("__init__() ", "")
                yield tree.report(path, f"the library refuses it: {cause}", "name what its kind has")
            yield from _check_grants(tree, path, PRIVILEGES.get(kind))


def _check_grants(tree: Tree, path: KeyPath, allowed: frozenset[str] | None) -> Iterator[Finding]:
    if allowed is None:
        return
    for number, grant in enumerate(tree.get_list(*path, "grants")):
        privileges: Any = grant.get("privileges") if isinstance(grant, Mapping) else None
        for at, privilege in enumerate(privileges or ()):
            if privilege not in allowed:
                yield tree.report(
                    (*path, "grants", number, "privileges", at),
                    f"{privilege} cannot be granted on {path[1]}",
                    f"grant one of {', '.join(sorted(allowed))}",
                )
