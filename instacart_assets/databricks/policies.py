"""What a cluster policy says about a requested cluster.

Reads policy definitions, the JSON in which Databricks stores them: rules by the path of an attribute, such as
``spark_version`` or ``custom_tags.*``. Calls no workspace.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

COMPUTED = frozenset({"dbus_per_hour"})
"""Attributes that are never requested: the workspace computes them."""

NEWEST = "auto:"
"""Prefix of a version that only the workspace can resolve, such as ``auto:latest-lts``."""

ACCESS_MODES = {
    "DATA_SECURITY_MODE_DEDICATED": "SINGLE_USER",
    "DATA_SECURITY_MODE_STANDARD": "USER_ISOLATION",
}
"""Access modes that have a second name."""


@dataclass(frozen=True)
class Verdict:
    """What a policy says about a cluster.

    Attributes:
        contradictions: what is requested and not allowed, one sentence each, by attribute.
        wants: what is required and not requested, by attribute.
        effective: attributes of the cluster, including those that the policy adds.
    """

    contradictions: Mapping[str, str]
    wants: Mapping[str, str]
    effective: Mapping[str, Any]


def flatten_cluster(cluster: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes of a job's cluster as policies name them, from the ``new`` cluster of dagster-databricks.

    Args:
        cluster: with ``nodes`` and ``size`` as dagster-databricks nests them.
    """
    plain = {key: value for key, value in cluster.items() if key not in {"nodes", "size"}}
    nodes = dict(cluster["nodes"])
    plain |= nodes.pop("node_types", {}) | nodes | cluster["size"]
    own = {"policy_id", "apply_policy_default_values"}
    return {
        "cluster_type": "job",
        **_flatten({key: value for key, value in plain.items() if key not in own and value is not None}),
    }


def judge_cluster(definition: Mapping[str, Any], attributes: Mapping[str, Any]) -> Verdict:
    """What a policy says about a cluster.

    Args:
        definition: rules of the policy.
        attributes: what is requested, by path.
    """
    contradictions: dict[str, str] = {}
    effective = dict(attributes)
    for name, value in attributes.items():
        rule = _find_rule(definition, name)
        fault = _find_fault(rule, value) if rule else None
        if fault:
            contradictions[name] = f"{name} {fault}, and {value} is asked for"
    wants: dict[str, str] = {}
    for name, rule in definition.items():
        if (
            name in attributes
            or "*" in name
            or name in COMPUTED
            or rule["type"] in {"forbidden", "blocklist"}
        ):
            continue
        given = rule.get("value", rule.get("defaultValue"))
        if given is not None:
            effective[name] = given
        elif not rule.get("isOptional", False):
            wants[name] = f"{name} has to be given"
    return Verdict(contradictions, wants, effective)


def _flatten(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in nested.items():
        if isinstance(value, Mapping):
            flat |= _flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _find_rule(definition: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    """The rule of an attribute: its own first, else one with ``*`` for a part of its path."""
    if name in definition:
        return definition[name]  # type: ignore[no-any-return]
    return next((rule for path, rule in definition.items() if "*" in path and fnmatchcase(name, path)), None)


def _find_fault(rule: Mapping[str, Any], value: Any) -> str | None:
    """Why a rule does not allow a value."""
    listed = ", ".join(map(str, rule.get("values", ())))
    is_listed = any(_is_alike(value, said) for said in rule.get("values", ()))
    match rule["type"]:
        case "fixed":
            is_broken, words = not _is_alike(value, rule["value"]), f"is fixed to {rule['value']}"
        case "forbidden":
            is_broken, words = True, "may not be given"
        case "allowlist":
            is_broken, words = not is_listed, f"must be one of {listed}"
        case "blocklist":
            is_broken, words = is_listed, f"must be none of {listed}"
        case "regex":
            is_broken, words = not re.fullmatch(rule["pattern"], str(value)), f"must match {rule['pattern']}"
        case "range":
            bounds = {"at least": rule.get("minValue"), "at most": rule.get("maxValue")}
            spelt = " and ".join(f"{words} {bound}" for words, bound in bounds.items() if bound is not None)
            is_within = rule.get("minValue", value) <= value <= rule.get("maxValue", value)
            is_broken, words = not is_within, f"must be {spelt}"
        case _:
            return None
    return words if is_broken else None


def _is_alike(value: Any, said: Any) -> bool:
    """Whether a value equals the one that a policy names, whatever its JSON type."""
    ours, theirs = (ACCESS_MODES.get(str(each), str(each)).lower() for each in (value, said))
    return theirs.startswith(NEWEST) or ours == theirs
