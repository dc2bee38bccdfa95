"""When tables are built by themselves: what was asked for, look after look."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
import pytest

from instacart_assets.automation.conditions import find_awaited, make_condition
from instacart_assets.definitions import build_defs
from instacart_assets.graph import all_tables
from instacart_assets.tables.assets import asset_key, table_address

PARENTS = {
    "bronze.left": [],
    "bronze.right": [],
    "silver.left": ["bronze.left"],
    "silver.right": ["bronze.right"],
    "gold.both": ["silver.left", "silver.right"],
}
BRONZE = ("bronze.left", "bronze.right")


@dataclass
class SmallGraph:
    """Five tables that are built in an instant, and what the conditions ask for."""

    instance: dg.DagsterInstance
    during: dict[str, Callable[[], object]] = field(default_factory=dict)
    bad: set[str] = field(default_factory=set)
    cursor: Any = None

    @property
    def defs(self) -> dg.Definitions:
        return dg.Definitions(assets=[self._make_asset(address) for address in PARENTS])

    def _make_asset(self, address: str) -> dg.AssetsDefinition:
        above = {*BRONZE, *PARENTS[address]} if PARENTS[address] else set()

        @dg.multi_asset(
            name=address.replace(".", "__"),
            specs=[
                dg.AssetSpec(
                    asset_key(address),
                    deps=[asset_key(parent) for parent in PARENTS[address]],
                    automation_condition=make_condition(sorted(above)) if above else None,
                )
            ],
            check_specs=[dg.AssetCheckSpec("holds", asset=asset_key(address), blocking=True)],
        )
        def build() -> Iterator[Any]:
            self.during.get(address, bool)()
            yield dg.MaterializeResult(asset_key(address))
            yield dg.AssetCheckResult(
                passed=address not in self.bad, asset_key=asset_key(address), check_name="holds"
            )

        return build

    def look(self) -> set[str]:
        """What is asked for now."""
        result = dg.evaluate_automation_conditions(self.defs, self.instance, cursor=self.cursor)
        self.cursor = result.cursor
        return {
            table_address(one.key)
            for one in result.results
            if one.true_subset.size and isinstance(one.key, dg.AssetKey)
        }

    def build(self, *addresses: str) -> None:
        dg.materialize(
            [self._make_asset(address) for address in PARENTS],
            instance=self.instance,
            selection=[asset_key(address) for address in addresses],
            raise_on_error=False,
        )


@pytest.fixture
def graph() -> Iterator[SmallGraph]:
    with dg.DagsterInstance.ephemeral() as instance:
        made = SmallGraph(instance)
        made.build(*PARENTS)
        made.look()
        yield made


def test_nothing_is_asked_for_where_nothing_changed(graph: SmallGraph) -> None:
    assert graph.look() == set()


def test_what_follows_a_drop_is_asked_for_once_and_together(graph: SmallGraph) -> None:
    graph.build("bronze.left", "bronze.right")
    assert graph.look() == {"silver.left", "silver.right", "gold.both"}
    assert graph.look() == set()
    graph.build("silver.left", "silver.right", "gold.both")
    assert [graph.look(), graph.look()] == [set(), set()]


def test_what_does_not_follow_is_left_alone(graph: SmallGraph) -> None:
    graph.build("bronze.left")
    assert graph.look() == {"silver.left", "gold.both"}


def test_nothing_is_asked_for_while_anything_above_is_being_built(graph: SmallGraph) -> None:
    asked: list[set[str]] = []
    graph.during["bronze.right"] = lambda: asked.append(graph.look())
    graph.build("bronze.left", "bronze.right")
    assert asked == [set()]
    assert graph.look() == {"silver.left", "silver.right", "gold.both"}


def test_a_drop_that_comes_while_the_last_one_is_built_is_followed_to_the_end(graph: SmallGraph) -> None:
    asked: list[set[str]] = []

    def land_meanwhile() -> None:
        graph.build("bronze.left")
        asked.append(graph.look())

    graph.build("bronze.right")
    assert graph.look() == {"silver.right", "gold.both"}
    graph.during["silver.right"] = land_meanwhile
    graph.build("silver.right", "gold.both")
    assert asked == [{"silver.left"}]  # gold is being built, from what was there
    assert graph.look() == set()
    graph.build("silver.left")
    assert graph.look() == {"gold.both"}


def test_nothing_is_built_on_a_table_whose_blocking_check_failed(graph: SmallGraph) -> None:
    graph.bad = {"bronze.left"}
    graph.build("bronze.left")
    assert graph.look() == set()
    graph.bad = set()
    graph.build("bronze.left")
    assert graph.look() == {"silver.left", "gold.both"}


def test_nothing_is_built_on_a_table_that_is_missing() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        graph = SmallGraph(instance)
        graph.look()
        graph.build("bronze.left")
        assert graph.look() == {"silver.left"}
        graph.build("silver.left")
        assert graph.look() == set()
        graph.build("bronze.right")
        assert graph.look() == {"silver.right", "gold.both"}


def test_every_table_below_bronze_has_a_condition_and_nothing_else_has() -> None:
    graph = build_defs().resolve_asset_graph()
    tables = {table.address: table for table in all_tables()}
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        made_together = {table_address(one) for one in node.execution_set_asset_keys}
        is_below = node.is_materializable and not any(
            one.startswith(("bronze.", "maintenance.")) for one in made_together
        )
        assert (node.automation_condition is not None) == is_below, key
    bronze = {address for address in tables if address.startswith("bronze.")}
    assert set(find_awaited(tables["silver.aisles"], tables)) == bronze
    assert {"silver.orders", *bronze} <= set(find_awaited(tables["gold.department_daily_sales"], tables))


def test_a_table_and_what_it_refuses_have_one_condition() -> None:
    graph = build_defs().resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        conditions = {graph.get(one).automation_condition for one in graph.get(key).execution_set_asset_keys}
        assert len(conditions) <= 1, key


def test_each_table_is_a_pool_of_its_own() -> None:
    graph = build_defs().resolve_asset_graph()
    pools = {
        address: graph.get(asset_key(address)).pools for address in (one.address for one in all_tables())
    }
    assert pools == {address: {address.replace(".", "__")} for address in pools}
