"""The code location as a daemon loads it in a test: the product's own, with one table that is soon late."""

import os
from datetime import timedelta

import dagster as dg
from dagster._core.definitions.freshness import TimeWindowFreshnessPolicy
from dagster_shared.serdes.utils import SerializableTimeDelta

from instacart_assets.definitions import build_defs

LATE_TABLE = dg.AssetKey(["silver", "promotions"])
WINDOW = "TEST_FRESHNESS_SECONDS"
"""Environment variable: after how many seconds that table is late."""


def hasten(spec: dg.AssetSpec) -> dg.AssetSpec:
    if spec.key != LATE_TABLE:
        return spec
    window = SerializableTimeDelta.from_timedelta(timedelta(seconds=int(os.environ[WINDOW])))
    # A minute is the least that a policy is usually made with, and a test would wait for it.
    return spec.replace_attributes(
        freshness_policy=TimeWindowFreshnessPolicy(fail_window=window, warn_window=None)
    )


@dg.definitions
def defs() -> dg.Definitions:
    return build_defs().map_asset_specs(func=hasten)
