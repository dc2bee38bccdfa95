"""When a table is built automatically: declared for everything downstream of the bronze tables.

Contains the condition and how it is attached to tables. Bronze tables have none: the landing sensor requests them.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from operator import or_

import dagster as dg

from instacart_assets.answers.assets import REPORT_GROUP
from instacart_assets.automation.environments import DOWNSTREAM
from instacart_assets.contracts.model import QUARANTINE
from instacart_assets.graph import find_ancestors
from instacart_assets.tables.assets import asset_key, table_address
from instacart_assets.tables.declare import Table


def add_conditions(
    assets: Sequence[dg.AssetsDefinition], tables: Iterable[Table]
) -> list[dg.AssetsDefinition]:
    """The assets, those of silver and gold with the condition on which they are built.

    A table and its quarantine table are built in one step and get the same condition.

    Args:
        assets: one per table, in the order of the tables.
        tables: the graph.
    """
    known = {table.address: table for table in tables}
    return [
        definition
        if table.contract.landed_columns
        else _add_condition(definition, find_awaited(table, known))
        for definition, table in zip(assets, known.values(), strict=True)
    ]


def _add_condition(definition: dg.AssetsDefinition, awaited: Iterable[str]) -> dg.AssetsDefinition:
    condition = make_condition(awaited)
    return definition.map_asset_specs(lambda spec: spec.replace_attributes(automation_condition=condition))


def add_following(asset: dg.AssetsDefinition, tables: Iterable[Table]) -> dg.AssetsDefinition:
    """An asset that is not a table, with the condition that a table with the same dependencies would have.

    Args:
        asset: an asset that depends on tables.
        tables: the graph.
    """
    known = {table.address: table for table in tables}
    sources = [table_address(key) for key in asset.dependency_keys]
    return _add_condition(
        asset, sorted({one for source in sources for one in (source, *find_awaited(known[source], known))})
    )


def find_awaited(table: Table, known: Mapping[str, Table]) -> tuple[str, ...]:
    """Addresses of the tables that a table waits for while they are being built, in order.

    They are all its ancestors and all bronze tables: the bronze tables of one drop (a batch of newly landed files) are
    built in one run, and downstream tables start when all of them are done.
    """
    landed = {address for address, one in known.items() if one.contract.landed_columns}
    return tuple(sorted(landed | find_ancestors(table, known)))


def make_condition(awaited: Iterable[str]) -> dg.AutomationCondition[dg.AssetKey]:
    """Build a table when a dependency was built, all dependencies exist, and none failed a blocking check.

    The table waits while any awaited table is being built: one drop builds each table once, and not again each time
    that another of its ancestors is done.

    Args:
        awaited: addresses of the tables it waits for, at least one.
    """
    condition = dg.AutomationCondition
    is_busy = reduce(
        or_, (condition.asset_matches(asset_key(address), condition.in_progress()) for address in awaited)
    ).with_label("anything_awaited_in_progress")
    return (condition.eager() & condition.all_deps_blocking_checks_passed() & ~is_busy).with_label(
        "what_it_is_made_of_was_built"
    )


def build_downstream_sensor(*, look_seconds: int, is_on: bool) -> dg.AutomationConditionSensorDefinition:
    """The sensor that evaluates the conditions of all tables, and of the report that depends on them."""
    return dg.AutomationConditionSensorDefinition(
        DOWNSTREAM.name,
        target=dg.AssetSelection.groups("silver", "gold", QUARANTINE, REPORT_GROUP),
        description=f"{DOWNSTREAM.purpose.capitalize()}.",
        minimum_interval_seconds=look_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING if is_on else dg.DefaultSensorStatus.STOPPED,
    )
