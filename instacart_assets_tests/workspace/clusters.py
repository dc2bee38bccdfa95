"""Clusters, cluster policies and instance pools: descriptions only, since no machine stands behind them.

Defines what a task may expect of the compute it runs on, and what the Clusters, Policies and Pools APIs answer.
"""

import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from instacart_assets_tests.workspace.answers import Answer, ApiError, Request, Route

RUNTIME = "17.3.x-scala2.13"
DEDICATED = "SINGLE_USER"
SHARED_MODES = frozenset({"USER_ISOLATION", "DATA_SECURITY_MODE_STANDARD"})
"""Access modes in which several people share a cluster: Spark Connect only, and no ``/dbfs``."""


@dataclass
class Cluster:
    """A cluster: what it was made of, and its state.

    Attributes:
        cluster_id: of the workspace.
        spec: fields of the REST API, as ``spark_version`` or ``data_security_mode``.
        state: as RUNNING or TERMINATED.
    """

    cluster_id: str
    spec: dict[str, Any] = field(default_factory=dict)
    state: str = "RUNNING"

    @property
    def is_shared(self) -> bool:
        """Whether its access mode lets several people in."""
        return self.spec.get("data_security_mode") in SHARED_MODES

    @property
    def runtime(self) -> tuple[int, int]:
        """Version of its Databricks Runtime."""
        major, minor, *_ = self.spec["spark_version"].split(".")
        return int(major), int(minor)

    def describe(self) -> dict[str, Any]:
        """As ``clusters/get`` gives it."""
        return {
            "cluster_name": f"cluster {self.cluster_id}",
            **self.spec,
            "cluster_id": self.cluster_id,
            "state": self.state,
            "state_message": "",
        }


class Clusters:
    """All compute of a workspace that can be asked for by name."""

    def __init__(self) -> None:
        self.known: dict[str, Cluster] = {}
        self.policies: dict[str, dict[str, Any]] = {}
        self.pools: dict[str, dict[str, Any]] = {}
        self._numbers = itertools.count(1)

    def add(self, cluster_id: str | None = None, *, state: str = "RUNNING", **spec: Any) -> Cluster:
        """A cluster that exists from now on; a dedicated one with a current runtime unless told otherwise."""
        cluster_id = cluster_id or f"0101-120000-emulated{next(self._numbers)}"
        described = {
            "spark_version": RUNTIME,
            "data_security_mode": DEDICATED,
            "node_type_id": "m5d.large",
            "num_workers": 1,
            **spec,
        }
        self.known[cluster_id] = Cluster(cluster_id, described, state)
        return self.known[cluster_id]

    def add_policy(self, policy_id: str, definition: Mapping[str, Any], name: str = "policy") -> None:
        """A cluster policy that exists from now on."""
        self.policies[policy_id] = {
            "policy_id": policy_id,
            "name": name,
            "definition": json.dumps(definition),
        }

    def add_pool(self, pool_id: str, **spec: Any) -> None:
        """An instance pool that exists from now on."""
        described = {"instance_pool_name": "pool", "node_type_id": "m5d.large", "state": "ACTIVE"}
        self.pools[pool_id] = {**described, **spec, "instance_pool_id": pool_id}

    def find(self, cluster_id: str) -> Cluster:
        """The cluster of this id.

        Raises:
            ApiError: there is none.
        """
        if cluster_id not in self.known:
            raise ApiError.invalid(f"Cluster {cluster_id} does not exist")
        return self.known[cluster_id]

    def check(self, spec: Mapping[str, Any]) -> None:
        """What a new cluster is to be made of exists.

        Raises:
            ApiError: its policy or its pool does not.
        """
        if policy_id := spec.get("policy_id"):
            self._find_policy(policy_id)
        if pool_id := spec.get("instance_pool_id"):
            self._find_pool(pool_id)

    def _find_policy(self, policy_id: str) -> dict[str, Any]:
        if policy_id not in self.policies:
            raise ApiError.missing(f"Can't find a cluster policy with id: {policy_id}.")
        return self.policies[policy_id]

    def _find_pool(self, pool_id: str) -> dict[str, Any]:
        if pool_id not in self.pools:
            raise ApiError.missing(f"Can't find an instance pool with id: {pool_id}.")
        return self.pools[pool_id]

    def routes(self) -> list[Route]:
        """What answers which call."""
        return [
            ("GET", r"/api/2\.[01]/clusters/get", self._get),
            ("GET", r"/api/2\.[01]/clusters/list", self._list),
            ("GET", "/api/2.0/policies/clusters/get", self._get_policy),
            ("GET", "/api/2.0/instance-pools/get", self._get_pool),
        ]

    def _get(self, request: Request) -> Answer:
        return Answer.of(self.find(request.require("cluster_id")).describe())

    def _list(self, request: Request) -> Answer:  # noqa: ARG002 - every route takes the request
        return Answer.of({"clusters": [cluster.describe() for cluster in self.known.values()]})

    def _get_policy(self, request: Request) -> Answer:
        return Answer.of(self._find_policy(request.require("policy_id")))

    def _get_pool(self, request: Request) -> Answer:
        return Answer.of(self._find_pool(request.require("instance_pool_id")))
