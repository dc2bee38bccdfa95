"""Settings in Databricks' terms: what a launched step runs on, and what it is passed.

Only describes; no workspace is called. What is passed never contains a secret: secrets are named by scope and key,
and are looked up on the cluster.
"""

from collections.abc import Mapping
from typing import Any

from instacart_assets.settings import DatabricksSettings, Settings, SettingsError

REMOTE_TARGET = "databricks_remote"

KEPT_HERE = {"target", "databricks", "environment", "look_seconds", "schedule", "alerts"}
"""Settings that an asset body on the cluster does not need: those of the workspace, schedules and alerts."""


def describe_run(databricks: DatabricksSettings) -> dict[str, Any]:
    """The ``run_config`` of dagster-databricks for every step: cluster, libraries and timeout."""
    return {
        "cluster": (
            {"existing": databricks.cluster_id}
            if databricks.cluster_id
            else {"new": describe_new_cluster(databricks)}
        ),
        "libraries": [describe_library(library) for library in databricks.libraries],
        # The default libraries would install PyPI's PySpark over the cluster's own.
        "install_default_libraries": False,
        "timeout_seconds": databricks.timeout_seconds,
    }


def describe_new_cluster(databricks: DatabricksSettings) -> dict[str, Any]:
    """A new cluster for one step.

    Its access mode is Dedicated, to one principal: the launcher needs ``dbutils`` and files under ``/dbfs`` or
    ``/Volumes``, which Standard (formerly Shared) access mode does not give to a script.

    Raises:
        SettingsError: neither an instance pool, a node type nor a policy is set.
    """
    if not (databricks.instance_pool_id or databricks.node_type_id or databricks.policy_id):
        raise SettingsError(
            "nothing says what launched steps run on: set INSTACART_DATABRICKS__CLUSTER_ID to a cluster that "
            "exists, or one of INSTACART_DATABRICKS__INSTANCE_POOL_ID, INSTACART_DATABRICKS__NODE_TYPE_ID and "
            "INSTACART_DATABRICKS__POLICY_ID for a new one"
        )
    cluster: dict[str, Any] = {
        "spark_version": databricks.runtime,
        "nodes": (
            {"instance_pool_id": databricks.instance_pool_id}
            if databricks.instance_pool_id
            else {"node_types": {"node_type_id": databricks.node_type_id}}
        ),
        "size": {"num_workers": databricks.workers},
        "data_security_mode": "SINGLE_USER",
    }
    if databricks.policy_id:
        cluster |= {"policy_id": databricks.policy_id, "apply_policy_default_values": True}
    if databricks.workers == 0:
        cluster["spark_conf"] = {
            "spark.databricks.cluster.profile": "singleNode",
            "spark.master": "local[*]",
        }
        cluster["custom_tags"] = {"ResourceClass": "SingleNode"}
    return cluster


def describe_library(library: str) -> dict[str, Any]:
    """A library in the Jobs API's form: a wheel or a requirements file by its path, else a package."""
    if library.endswith(".whl"):
        return {"whl": library}
    if library.endswith(".txt"):
        return {"requirements": library}
    return {"pypi": {"package": library}}


def describe_secrets(databricks: DatabricksSettings) -> dict[str, tuple[str, str]]:
    """Scope and key of each secret, by the name of its environment variable.

    Raises:
        SettingsError: a secret is not written as SCOPE/KEY.
    """
    secrets = {}
    for name, place in databricks.secrets.items():
        scope, _, key = place.partition("/")
        if not scope or not key:
            raise SettingsError(
                f"INSTACART_DATABRICKS__SECRETS names {name} by something else than SCOPE/KEY: write it as "
                f'{{"{name}": "SCOPE/KEY"}}, and keep the secret itself in the scope'
            )
        secrets[name] = (scope, key)
    return secrets


def describe_remote(settings: Settings) -> dict[str, str]:
    """Environment variables from which the cluster loads the same settings, for its own target.

    They include everything an asset body can need, and nothing about the workspace and its cluster.
    """
    sent = settings.model_dump(mode="json", exclude=KEPT_HERE, exclude_none=True)
    return {"INSTACART_TARGET": REMOTE_TARGET, **_name_variables("INSTACART_", sent)}


def _name_variables(prefix: str, values: Mapping[str, Any]) -> dict[str, str]:
    named: dict[str, str] = {}
    for name, value in values.items():
        variable = f"{prefix}{name.upper()}"
        if isinstance(value, Mapping):
            named |= _name_variables(f"{variable}__", value)
        else:
            named[variable] = str(value)
    return named
