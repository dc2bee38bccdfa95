"""Cluster policies: what they forbid, what they want, and what they add."""

from typing import Any

import pytest

from instacart_assets.databricks.cluster import describe_new_cluster
from instacart_assets.databricks.policies import flatten_cluster, judge_cluster
from instacart_assets.settings import DatabricksSettings

ASKED = flatten_cluster(describe_new_cluster(DatabricksSettings(node_type_id="m5d.large", policy_id="P")))


def test_a_cluster_is_spelt_as_policies_spell_it() -> None:
    assert ASKED == {
        "cluster_type": "job",
        "spark_version": "17.3.x-scala2.13",
        "node_type_id": "m5d.large",
        "num_workers": 2,
        "data_security_mode": "SINGLE_USER",
    }
    single = DatabricksSettings(instance_pool_id="pool", workers=0)
    assert flatten_cluster(describe_new_cluster(single)) == {
        "cluster_type": "job",
        "spark_version": "17.3.x-scala2.13",
        "instance_pool_id": "pool",
        "num_workers": 0,
        "data_security_mode": "SINGLE_USER",
        "spark_conf.spark.databricks.cluster.profile": "singleNode",
        "spark_conf.spark.master": "local[*]",
        "custom_tags.ResourceClass": "SingleNode",
    }


@pytest.mark.parametrize(
    ("name", "rule", "words"),
    [
        ("spark_version", {"type": "fixed", "value": "16.4.x-scala2.12"}, "is fixed to 16.4.x-scala2.12"),
        ("node_type_id", {"type": "forbidden"}, "may not be given"),
        ("node_type_id", {"type": "allowlist", "values": ["a", "b"]}, "must be one of a, b"),
        ("node_type_id", {"type": "blocklist", "values": ["m5d.large"]}, "must be none of m5d.large"),
        ("spark_version", {"type": "regex", "pattern": r"16\..*"}, r"must match 16\..*"),
        ("spark_version", {"type": "regex", "pattern": "17"}, "must match 17"),
        ("num_workers", {"type": "range", "maxValue": 1}, "must be at most 1"),
        ("num_workers", {"type": "range", "minValue": 3, "maxValue": 5}, "must be at least 3 and at most 5"),
        ("data_security_mode", {"type": "fixed", "value": "USER_ISOLATION"}, "is fixed to USER_ISOLATION"),
        ("cluster_type", {"type": "fixed", "value": "all-purpose"}, "is fixed to all-purpose"),
    ],
)
def test_a_contradiction_is_told_with_both_sides(name: str, rule: dict[str, Any], words: str) -> None:
    verdict = judge_cluster({name: rule}, ASKED)
    assert verdict.contradictions == {name: f"{name} {words}, and {ASKED[name]} is asked for"}


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("spark_version", {"type": "fixed", "value": "17.3.x-scala2.13"}),
        ("spark_version", {"type": "fixed", "value": "auto:latest-lts"}),
        ("spark_version", {"type": "regex", "pattern": r"17\.3\.x-.*"}),
        ("spark_version", {"type": "unlimited", "defaultValue": "16.4.x-scala2.12"}),
        ("node_type_id", {"type": "allowlist", "values": ["m5d.large", "b"]}),
        ("node_type_id", {"type": "blocklist", "values": ["b"]}),
        ("num_workers", {"type": "fixed", "value": "2"}),
        ("num_workers", {"type": "range", "minValue": 2, "maxValue": 2}),
        ("data_security_mode", {"type": "allowlist", "values": ["DATA_SECURITY_MODE_DEDICATED"]}),
        ("dbus_per_hour", {"type": "range", "maxValue": 10}),
        ("custom_tags.*", {"type": "unlimited"}),
        ("instance_pool_id", {"type": "forbidden"}),
    ],
)
def test_what_is_allowed_is_no_contradiction(name: str, rule: dict[str, Any]) -> None:
    verdict = judge_cluster({name: rule}, ASKED)
    assert (verdict.contradictions, verdict.wants) == ({}, {})


def test_a_star_speaks_for_every_part_of_its_kind_that_has_no_rule_of_its_own() -> None:
    tagged = {**ASKED, "custom_tags.team": "shop", "custom_tags.cost": "7"}
    definition = {
        "custom_tags.*": {"type": "forbidden"},
        "custom_tags.team": {"type": "fixed", "value": "shop"},
    }
    assert list(judge_cluster(definition, tagged).contradictions) == ["custom_tags.cost"]


def test_what_has_to_be_given_is_wanted_unless_the_policy_gives_it() -> None:
    definition = {
        "custom_tags.team": {"type": "unlimited"},
        "custom_tags.cost": {"type": "allowlist", "values": ["7"], "defaultValue": "7"},
        "custom_tags.note": {"type": "regex", "pattern": ".*", "isOptional": True},
        "driver_node_type_id": {"type": "fixed", "value": "m5d.xlarge"},
    }
    verdict = judge_cluster(definition, ASKED)
    assert verdict.wants == {"custom_tags.team": "custom_tags.team has to be given"}
    assert verdict.effective == {**ASKED, "custom_tags.cost": "7", "driver_node_type_id": "m5d.xlarge"}
