"""Three tables of things, from landed to gold, that exist only in tests.

Defines what the tests of tables share: the contracts, and the functions that make their rows.
"""

from pathlib import Path

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from instacart_assets.bronze.landed import keep_as_landed
from instacart_assets.contracts.model import ORIGIN, Column, ColumnType, Rule, SchemaDrift
from instacart_assets.settings import Settings
from instacart_assets.tables.declare import Table
from instacart_assets_tests.landing_files import write_file
from instacart_assets_tests.small_contracts import STRICT, make_contract, make_landed_contract, make_rule

LANDED = "thing_id,name\n1,apple\n2,pear\n"


def _copy(name: str, column_type: ColumnType, source: str) -> Column:
    return Column(name, column_type, True, f"The {name}.", ("tagged",), (f"{source}.{name}",))


def make_landed_table(
    name: str = "things", *, is_optional: bool = False, drift: SchemaDrift = STRICT
) -> Table:
    """The bronze table of a landed source."""
    contract = make_landed_contract(name, is_optional=is_optional, drift=drift)
    return Table(contract, keep_as_landed, {"records": f"landing.{name}"}, {})


def type_things(bronze_things: DataFrame) -> DataFrame:
    return bronze_things.select(*ORIGIN, F.col("thing_id").try_cast("int").alias("thing_id"), "name")


def pass_on(silver_things: DataFrame) -> DataFrame:
    return silver_things


def make_silver_table(*rules: Rule, error_budget: float = 0.5) -> Table:
    """The silver table, which refuses rows."""
    contract = make_contract(
        _copy("thing_id", "int", "bronze.things"),
        _copy("name", "string", "bronze.things"),
        rules=rules,
        error_budget=error_budget,
    )
    landed = {"bronze.things": BRONZE.contract}
    return Table(contract, type_things, {"bronze_things": "bronze.things"}, {}, landed)


NAME_IS_SHORT = make_rule("name_is_short", "length(name) <= 5", severity="reject")
NO_NAME_TWICE = make_rule(
    "no_name_twice",
    "SELECT name, count(*) AS rows FROM {batch} GROUP BY name HAVING count(*) > 1",
    scope="query",
)
FEW_THINGS = make_rule("few_things", "count(*) < 3", severity="warn", scope="table")

BRONZE = make_landed_table()
SILVER = make_silver_table(NAME_IS_SHORT, NO_NAME_TWICE, FEW_THINGS)
GOLD = Table(
    make_contract(
        _copy("thing_id", "int", "silver.things"),
        _copy("name", "string", "silver.things"),
        address="gold.things",
    ),
    pass_on,
    {"silver_things": "silver.things"},
    {},
)


def land(settings: Settings, content: str | bytes = LANDED, name: str = "things.csv") -> Path:
    return write_file(settings.landing, name, content)
