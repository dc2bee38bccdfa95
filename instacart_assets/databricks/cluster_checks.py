"""Whether steps would run on the cluster that settings name: what it is, and which versions it has.

Contains the checks of a cluster and of what is installed on it; each maps what was found to an outcome.
"""

import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version

from databricks.sdk.service.compute import ClusterDetails
from packaging.specifiers import SpecifierSet

from instacart_assets.databricks.cluster import describe_new_cluster
from instacart_assets.databricks.libraries import LibrarySet
from instacart_assets.databricks.outcomes import Outcome, failed, passed, warned
from instacart_assets.databricks.policies import ACCESS_MODES, Verdict, flatten_cluster, judge_cluster
from instacart_assets.databricks.runtimes import TESTED_SPARKS, find_runtime
from instacart_assets.databricks.spark_checks import judge_spark
from instacart_assets.databricks.workspace import Workspace
from instacart_assets.settings import DatabricksSettings

PREFIX = "INSTACART_DATABRICKS__"
SETTINGS = {
    "spark_version": f"{PREFIX}RUNTIME",
    "node_type_id": f"{PREFIX}NODE_TYPE_ID",
    "instance_pool_id": f"{PREFIX}INSTANCE_POOL_ID",
    "num_workers": f"{PREFIX}WORKERS",
}
"""The setting of each attribute of a new cluster."""

DEDICATED = frozenset({"SINGLE_USER", "LEGACY_SINGLE_USER", "LEGACY_SINGLE_USER_STANDARD"})
BROKEN = frozenset({"ERROR", "UNKNOWN"})
"""States that a cluster cannot be restarted from."""

RELEASE_NOTES = "the runtime's release notes, under System environment"


@dataclass(frozen=True)
class Host:
    """What a launched step depends on in this machine: the cluster reads what is pickled here."""

    python: str
    dagster: str


@dataclass(frozen=True)
class Compute:
    """What steps would run on.

    Attributes:
        name: its display name.
        runtime: version key of its Databricks Runtime.
        access_mode: as the Clusters API names it; None where the cluster reports none.
        owner: the user or group it is dedicated to, where known.
        is_custom_image: whether it starts from a custom container image, which can have any Python.
        state: the state of an existing cluster.
        verdict: the policy's verdict on a new cluster.
    """

    name: str
    runtime: str
    access_mode: str | None
    owner: str | None = None
    is_custom_image: bool = False
    state: str | None = None
    verdict: Verdict | None = None


def read_host() -> Host:
    """This machine."""
    return Host(".".join(platform.python_version_tuple()[:2]), version("dagster"))


def find_compute(databricks: DatabricksSettings, workspace: Workspace) -> Compute:
    """The cluster that settings name, or the new one that they describe with what its policy adds.

    Raises:
        WorkspaceError: the cluster or the policy does not exist, or access to it is denied.
        SettingsError: the settings do not describe a new cluster.
    """
    if databricks.cluster_id:
        details = workspace.ask(
            f"describe the cluster {databricks.cluster_id}",
            partial(workspace.client.clusters.get, databricks.cluster_id),
            remedy=f"set {PREFIX}CLUSTER_ID to a cluster that exists and that you may attach to, or unset it for "
            "a new cluster",
        )
        return _describe_existing(details)
    asked = flatten_cluster(describe_new_cluster(databricks))
    verdict = judge_cluster(_read_policy(databricks.policy_id, workspace), asked)
    mode = verdict.effective.get("data_security_mode")
    return Compute("a new cluster", databricks.runtime, ACCESS_MODES.get(str(mode), mode), verdict=verdict)


def _describe_existing(details: ClusterDetails) -> Compute:
    mode = details.data_security_mode.value if details.data_security_mode else None
    return Compute(
        name=f"the cluster {details.cluster_name or details.cluster_id}",
        runtime=details.spark_version or "",
        access_mode=ACCESS_MODES.get(str(mode), mode),
        owner=details.single_user_name,
        is_custom_image=details.docker_image is not None,
        state=details.state.value if details.state else "UNKNOWN",
    )


def _read_policy(policy_id: str | None, workspace: Workspace) -> Mapping[str, Mapping[str, object]]:
    if policy_id is None:
        return {}
    policy = workspace.ask(
        f"describe the cluster policy {policy_id}",
        partial(workspace.client.cluster_policies.get, policy_id),
        remedy=f"set {PREFIX}POLICY_ID to a policy that exists and that you may use, or unset it",
    )
    return json.loads(policy.definition or "{}")  # type: ignore[no-any-return]


def check_cluster(check: str, compute: Compute) -> Outcome:
    """Whether the cluster exists, or can be created or started."""
    if compute.state in BROKEN:
        return failed(
            check,
            f"{compute.name} is in the state {compute.state}",
            "look at its event log, and repair or replace it",
        )
    how = {None: "is made for each step", "TERMINATED": "is terminated; the first step starts it"}
    return passed(
        check, f"{compute.name}, {compute.runtime}, {how.get(compute.state, f'is {compute.state}')}"
    )


def check_python(check: str, compute: Compute, host: Host) -> Outcome:
    """Whether the cluster's Python can unpickle what this one pickles."""
    runtime = find_runtime(compute.runtime)
    if compute.is_custom_image:
        return warned(
            check,
            "the cluster starts from an image of its own, whose Python cannot be told from here",
            f"see that it is Python {host.python}, as here",
        )
    if runtime is None or runtime.python is None:
        return warned(
            check,
            f"which Python the runtime {compute.runtime} has is not known here",
            f"see that it is Python {host.python}, as here, in {RELEASE_NOTES}",
        )
    if runtime.python != host.python:
        return failed(
            check,
            f"Python {host.python} here, Python {runtime.python} in the runtime {compute.runtime}",
            f"a step that is pickled by one cannot be read by the other: run Dagster with Python "
            f"{runtime.python}, or choose a runtime with Python {host.python}",
        )
    return passed(check, f"Python {host.python} here and in the runtime {compute.runtime}")


def check_spark(check: str, compute: Compute) -> Outcome:
    """Whether tables were tested on the cluster's Spark."""
    runtime = find_runtime(compute.runtime)
    if runtime is None:
        return warned(
            check,
            f"which Spark the runtime {compute.runtime} has is not known here",
            f"see that it is one of {', '.join(TESTED_SPARKS)}, in its release notes",
        )
    return judge_spark(check, runtime.spark, f"the runtime {compute.runtime}", "17.3.x-scala2.13")


def check_access_mode(check: str, compute: Compute, user: str) -> Outcome:
    """Whether the launcher's script has ``dbutils`` and access to files by path."""
    if compute.access_mode in DEDICATED:
        if compute.owner and compute.owner != user:
            return warned(
                check,
                f"{compute.name} is dedicated to {compute.owner}; steps run as {user}",
                f"see that {compute.owner} is a group with {user} in it, or dedicate the cluster to {user}",
            )
        return passed(check, f"dedicated ({compute.access_mode})")
    if compute.access_mode in {None, "NONE", "DATA_SECURITY_MODE_AUTO"}:
        return warned(
            check,
            f"{compute.name} has the access mode {compute.access_mode or 'that is not said'}",
            "see that it is dedicated (single user); volumes cannot be reached without",
        )
    return failed(
        check,
        f"{compute.name} has the access mode {compute.access_mode}, which gives a script neither dbutils nor files "
        "of DBFS",
        "edit the cluster or its policy to the access mode Dedicated (SINGLE_USER), or set INSTACART_TARGET=serverless",
    )


def check_policy(check: str, policy_id: str, verdict: Verdict) -> Outcome:
    """Whether the policy allows the cluster that would be requested."""
    if verdict.contradictions:
        named = [SETTINGS[name] for name in verdict.contradictions if name in SETTINGS]
        change = f"set {' and '.join(named)} as it says, or choose" if named else "choose"
        return failed(
            check,
            f"the policy {policy_id}: {'; '.join(verdict.contradictions.values())}",
            f"{change} another policy by {PREFIX}POLICY_ID",
        )
    if verdict.wants:
        return warned(
            check,
            f"the policy {policy_id}: {'; '.join(verdict.wants.values())}, and is not asked for",
            "see that the policy has a default for it or makes it optional",
        )
    return passed(check, f"the policy {policy_id} allows the new cluster")


def check_dagster(check: str, libraries: LibrarySet, host: Host) -> Outcome:
    """Whether the cluster's Dagster version would be that of the launching process."""
    pin = f"dagster=={host.dagster}"
    demands = libraries.demands_of("dagster")
    for demand in demands:
        if not demand.requirement.specifier.contains(host.dagster, prereleases=True):
            return failed(
                check,
                f"Dagster {host.dagster} here, {demand.requirement} on the cluster ({demand})",
                f"a step is unpickled by the same Dagster: name {pin} in {PREFIX}LIBRARIES, or install that here",
            )
    if any(_is_pin(demand.requirement.specifier) for demand in demands):
        return passed(check, f"Dagster {host.dagster} here and on the cluster")
    if demands:
        return warned(
            check,
            f"Dagster {host.dagster} here, {demands[0].requirement} on the cluster ({demands[0]}), which may "
            "become another",
            f"name {pin} in {PREFIX}LIBRARIES",
        )
    return warned(
        check,
        "no library brings Dagster, and what is on the cluster already cannot be told from here",
        f"see that {pin} is in its image, or name it in {PREFIX}LIBRARIES",
    )


def _is_pin(specifiers: SpecifierSet) -> bool:
    return any(each.operator in {"==", "==="} and not each.version.endswith(".*") for each in specifiers)
