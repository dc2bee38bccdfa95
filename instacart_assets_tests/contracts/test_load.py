"""Contracts read from their files, and files that are refused."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from instacart_assets.contracts.load import (
    CONTRACTS_DIR,
    ContractError,
    contracts_of,
    load_contract,
    load_contracts,
)
from instacart_assets.contracts.model import LAYERS, Chart, Contract, SchemaDrift

SHIPPED = sorted(load_contracts())

GOOD = """
apiVersion: v3.1.0
kind: DataContract
id: silver.things
version: 1.0.0
status: active
domain: sales
team: { name: data-engineering }
slaProperties: [{ property: freshness, value: 2, unit: d }]
schema:
  - name: things
    businessName: Things
    logicalType: object
    physicalType: table
    tags: [sample]
    dataGranularityDescription: "One row per thing and day."
    description: "  Every thing there is.\n"
    properties:
      - name: day
        logicalType: date
        physicalType: date
        required: true
        primaryKey: true
        primaryKeyPosition: 2
        description: "The day."
        transformSourceObjects: [landing.things.day]
      - name: thing_id
        logicalType: integer
        physicalType: int
        required: true
        primaryKey: true
        primaryKeyPosition: 1
        description: "Identifier of the thing."
        transformSourceObjects: [landing.things.thing_id]
      - name: price
        logicalType: number
        physicalType: double
        description: "What it costs."
        tags: [non_additive]
        transformLogic: "price / 100"
        transformSourceObjects: [landing.things.cents]
        quality:
          - id: price_is_positive
            type: custom
            engine: spark-sql
            implementation: "price > 0"
            description: "Nothing is free."
            dimension: conformity
            severity: warn
    quality:
      - id: something_is_there
        type: custom
        engine: spark-sql
        unit: table
        implementation: "count(*) > 0"
        description: "There are things."
        dimension: completeness
        severity: block
"""

HISTORY = {
    "id": "as_before",
    "type": "sql",
    "unit": "history",
    "query": "SELECT count(*) FROM {batch}",
    "mustBeBetween": [0.5, 2],
    "description": "There are about as many as before.",
    "dimension": "accuracy",
    "severity": "warn",
}


@pytest.fixture(params=SHIPPED)
def shipped(request: pytest.FixtureRequest) -> Contract:
    return load_contracts()[request.param]


def write_contract(folder: Path, document: Any, name: str = "silver/things.yml") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(document if isinstance(document, str) else yaml.safe_dump(document))
    return path


def refuse(folder: Path, document: Any) -> str:
    """The message that refuses a contract file of this content."""
    with pytest.raises(ContractError) as refused:
        load_contract(write_contract(folder, document))
    assert str(refused.value).startswith("contract silver/things.yml: ")
    return str(refused.value)


def test_a_shipped_contract_says_what_its_table_is(shipped: Contract) -> None:
    assert shipped.title
    assert shipped.grain.startswith("One row per ")
    assert shipped.description
    assert shipped.owners in {("team:data-engineering",), ("team:analytics",)}
    assert shipped.domain
    assert shipped.freshness_hours > 0
    assert shipped.layer in LAYERS


def test_a_shipped_contract_has_a_key_of_required_columns(shipped: Contract) -> None:
    assert shipped.key
    assert set(shipped.key) <= set(shipped.required_columns)


def test_every_column_of_a_shipped_contract_is_described_and_has_a_source(shipped: Contract) -> None:
    assert not [column.name for column in shipped.columns if not column.description]
    without = [column.name for column in shipped.columns if not column.sources]
    told_by_the_reader = shipped.layer == "bronze"
    assert [name for name in without if not (told_by_the_reader and name.startswith("_"))] == []


def test_every_rule_of_a_shipped_contract_is_a_sentence(shipped: Contract) -> None:
    for rule in shipped.rules:
        assert rule.description.endswith("."), rule.id
        assert rule.condition, rule.id


def test_every_file_of_a_layer_is_a_contract_under_its_address() -> None:
    files = {f"{path.parent.name}.{path.stem}" for path in CONTRACTS_DIR.rglob("*.yml")}
    assert files == set(SHIPPED)
    assert [contract.layer for contract in load_contracts().values()] == [
        layer for layer in LAYERS for _ in contracts_of(layer)
    ]


def test_bronze_columns_are_text_as_landed_with_the_same_columns_of_origin() -> None:
    for contract in contracts_of("bronze"):
        assert {column.type for column in contract.landed_columns} == {"string"}, contract.address
        origin = [column.name for column in contract.columns if column not in contract.landed_columns]
        assert origin == ["_source_file", "_source_fingerprint", "_row_number", "_ingested_at"]


def test_a_file_becomes_a_contract(tmp_path: Path) -> None:
    contract = load_contract(write_contract(tmp_path, GOOD))
    assert (contract.address, contract.layer, contract.name) == ("silver.things", "silver", "things")
    assert (contract.title, contract.grain) == ("Things", "One row per thing and day.")
    assert contract.description == "Every thing there is."
    assert (contract.owners, contract.domain) == (("team:data-engineering",), "sales")
    assert (contract.tags, contract.is_optional) == (("sample",), False)
    assert contract.freshness_hours == 48.0
    assert contract.key == ("thing_id", "day")
    assert [(column.name, column.type, column.required) for column in contract.columns] == [
        ("day", "date", True),
        ("thing_id", "int", True),
        ("price", "double", False),
    ]
    price = contract.columns[2]
    assert (price.tags, price.logic, price.sources) == (
        ("non_additive",),
        "price / 100",
        ("landing.things.cents",),
    )
    assert [(rule.id, rule.scope, rule.severity, rule.condition) for rule in contract.rules] == [
        ("something_is_there", "table", "block", "count(*) > 0"),
        ("price_is_positive", "rows", "warn", "price > 0"),
    ]


def test_a_source_that_may_be_absent_says_so(tmp_path: Path) -> None:
    text = GOOD.replace("tags: [sample]", "tags: [optional]")
    assert load_contract(write_contract(tmp_path, text)).is_optional


def test_what_may_be_refused_and_may_drift_stands_beside_the_columns(tmp_path: Path) -> None:
    document = yaml.safe_load(GOOD)
    stated = {"errorBudget": 0.01, "unknownColumn": "add", "missingColumn": "ignore", "changedType": "ignore"}
    document["schema"][0]["customProperties"] = [
        {"property": name, "value": value} for name, value in stated.items()
    ]
    contract = load_contract(write_contract(tmp_path, document))
    assert contract.error_budget == 0.01
    assert contract.drift == SchemaDrift("add", "ignore", "ignore")


CHART = {
    "id": "prices",
    "description": "Prices.",
    "query": "SELECT day AS label, price AS value FROM {batch}",
}


def test_what_is_drawn_of_a_table_is_a_query(tmp_path: Path) -> None:
    document = yaml.safe_load(GOOD)
    assert load_contract(write_contract(tmp_path, document)).charts == ()
    document["schema"][0]["customProperties"] = [{"property": "charts", "value": [CHART | {"ratio": True}]}]
    assert load_contract(write_contract(tmp_path, document)).charts == (
        Chart("prices", "Prices.", "SELECT day AS label, price AS value FROM {batch}", is_ratio=True),
    )


def test_what_is_not_stated_is_refused_and_no_row_may_be(tmp_path: Path) -> None:
    contract = load_contract(write_contract(tmp_path, GOOD))
    assert (contract.error_budget, contract.has_quarantine) == (None, False)
    assert contract.drift == SchemaDrift("refuse", "refuse", "refuse")


def test_a_rule_over_history_has_a_query_and_bounds(tmp_path: Path) -> None:
    document = yaml.safe_load(GOOD)
    document["schema"][0]["quality"].append(HISTORY)
    rule = load_contract(write_contract(tmp_path, document)).rules[1]
    assert (rule.id, rule.scope, rule.condition, rule.between) == (
        "as_before",
        "history",
        "SELECT count(*) FROM {batch}",
        (0.5, 2.0),
    )


def test_a_rule_may_speak_of_the_published_files_alone(tmp_path: Path) -> None:
    document = yaml.safe_load(GOOD)
    document["schema"][0]["quality"][0]["tags"] = ["public_files"]
    rules = load_contract(write_contract(tmp_path, document)).rules
    assert {rule.id: rule.is_for_public_files for rule in rules} == {
        "something_is_there": True,
        "price_is_positive": False,
    }


@pytest.mark.parametrize(
    ("logical", "physical", "spelt"),
    [
        ("integer", "string", "bigint"),
        ("number", "string", "double"),
        ("string", "string", None),
        ("integer", "int", None),  # a typed column spells nothing, it is
    ],
)
def test_text_spells_the_logical_type_beside_it(
    tmp_path: Path, logical: str, physical: str, spelt: str | None
) -> None:
    document = yaml.safe_load(GOOD)
    document["schema"][0]["properties"][2] |= {"logicalType": logical, "physicalType": physical}
    assert load_contract(write_contract(tmp_path, document)).columns[2].spells == spelt


def test_a_foreign_key_names_the_column_it_points_to(tmp_path: Path) -> None:
    document = yaml.safe_load(GOOD)
    relation = {"type": "foreignKey", "to": "silver.shops.shop_id"}
    document["schema"][0]["properties"][2]["relationships"] = [relation]
    assert load_contract(write_contract(tmp_path, document)).columns[2].references == "silver.shops.shop_id"


def _drop(stated: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in stated.items() if key != name}


def _state_charts(*charts: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"property": "charts", "value": list(charts)}]


Change = Callable[[dict[str, Any], dict[str, Any]], object]
"""Breaks a document, given the document and its one table."""

FAULTS: dict[str, tuple[Change, str]] = {
    "another id": (
        lambda document, _: document.update(id="silver.other"),
        "needs id: silver.things (the layer and name of the file), not silver.other",
    ),
    "no domain": (lambda document, _: document.pop("domain"), "needs domain"),
    "no team": (lambda document, _: document.pop("team"), "needs team"),
    "no name of the team": (lambda document, _: document["team"].pop("name"), "needs team.name"),
    "no schema": (lambda document, _: document.pop("schema"), "needs schema, with one table"),
    "two tables": (
        lambda document, table: document["schema"].append(dict(table, name="more")),
        "needs schema, with one table, and just one",
    ),
    "no title": (lambda _, table: table.pop("businessName"), "needs schema[0].businessName"),
    "no grain": (
        lambda _, table: table.pop("dataGranularityDescription"),
        "needs schema[0].dataGranularityDescription",
    ),
    "no description": (lambda _, table: table.pop("description"), "needs schema[0].description"),
    "an empty description": (lambda _, table: table.update(description=""), "needs schema[0].description"),
    "no columns": (lambda _, table: table.pop("properties"), "needs schema[0].properties"),
    "no freshness": (lambda document, _: document.pop("slaProperties"), "needs slaProperties: freshness"),
    "another unit of freshness": (
        lambda document, _: document["slaProperties"][0].update(unit="weeks"),
        "needs slaProperties: freshness: unit h or d",
    ),
    "freshness in words": (
        lambda document, _: document["slaProperties"][0].update(value="daily"),
        "needs slaProperties: freshness: value, a number",
    ),
    "no description of a column": (
        lambda _, table: table["properties"][2].pop("description"),
        "needs price.description",
    ),
    "no type of a column": (
        lambda _, table: table["properties"][2].pop("physicalType"),
        "needs price.physicalType",
    ),
    "an unknown type": (
        lambda _, table: table["properties"][2].update(physicalType="decimal(9,2)"),
        "needs price.physicalType to be one of boolean, int, bigint, double, string, date, timestamp",
    ),
    "a column twice": (
        lambda _, table: table["properties"].append(table["properties"][2]),
        "needs each column once: price",
    ),
    "no key": (
        lambda _, table: [table["properties"][number].pop("primaryKey") for number in (0, 1)],
        "needs primaryKey: true on the columns of the key",
    ),
    "a gap in the key": (
        lambda _, table: table["properties"][0].update(primaryKeyPosition=3),
        "needs primaryKeyPosition 1, 2, … on the columns of the key",
    ),
    "no position in the key": (
        lambda _, table: table["properties"][0].pop("primaryKeyPosition"),
        "needs primaryKeyPosition 1, 2, …",
    ),
    "a key that may be null": (
        lambda _, table: table["properties"][0].pop("required"),
        "needs required: true on the columns of the key",
    ),
    "a rule without an id": (
        lambda _, table: table["quality"][0].pop("id"),
        "needs an id for each quality rule",
    ),
    "a rule twice": (
        lambda _, table: table["quality"].append(table["properties"][2]["quality"][0]),
        "needs each rule once: price_is_positive",
    ),
    "no severity": (
        lambda _, table: table["quality"][0].pop("severity"),
        "needs rule something_is_there: severity",
    ),
    "an unknown severity": (
        lambda _, table: table["quality"][0].update(severity="fatal"),
        "needs rule something_is_there: severity to be one of reject, block, warn",
    ),
    "an unknown unit": (
        lambda _, table: table["quality"][0].update(unit="percent"),
        "needs rule something_is_there: unit to be one of rows, table, query, history",
    ),
    "another engine": (
        lambda _, table: table["quality"][0].update(engine="soda"),
        "needs rule something_is_there: engine: spark-sql",
    ),
    "a rule that is no condition": (
        lambda _, table: table["quality"][0].update(implementation={"min": 1}),
        "needs rule something_is_there: implementation to be a Spark SQL condition",
    ),
    "a rule without a description": (
        lambda _, table: table["quality"][0].pop("description"),
        "needs rule something_is_there: description",
    ),
    "a rule without a dimension": (
        lambda _, table: table["quality"][0].pop("dimension"),
        "needs rule something_is_there: dimension",
    ),
    "a rule named like a column": (
        lambda _, table: table["quality"][0].update(id="price"),
        "needs each rule once: price",
    ),
    "a table rejected": (
        lambda _, table: table["quality"][0].update(severity="reject"),
        "needs rule something_is_there: unit: rows, as only a row can be rejected",
    ),
    "rows rejected without a budget": (
        lambda _, table: table["properties"][2]["quality"][0].update(severity="reject"),
        "needs customProperties: errorBudget, as rows can be rejected: price_is_positive",
    ),
    "a budget over the whole": (
        lambda _, table: table.update(customProperties=[{"property": "errorBudget", "value": 1.5}]),
        "needs customProperties: errorBudget, a share from 0 to 1",
    ),
    "a budget in words": (
        lambda _, table: table.update(customProperties=[{"property": "errorBudget", "value": "1%"}]),
        "needs customProperties: errorBudget, a share from 0 to 1",
    ),
    "an unknown policy": (
        lambda _, table: table.update(customProperties=[{"property": "changedType", "value": "guess"}]),
        "needs customProperties: changedType to be one of refuse, ignore",
    ),
    "a missing column added": (
        lambda _, table: table.update(customProperties=[{"property": "missingColumn", "value": "add"}]),
        "needs customProperties: missingColumn to be one of refuse, ignore",
    ),
    "a misspelt property": (
        lambda _, table: table.update(customProperties=[{"property": "errorBuget", "value": 0.1}]),
        "needs customProperties to be among errorBudget, charts, unknownColumn, missingColumn, changedType, not errorBuget",
    ),
    "charts that are no list": (
        lambda _, table: table.update(customProperties=[{"property": "charts", "value": CHART}]),
        "needs customProperties: charts, as a list",
    ),
    "a chart without a description": (
        lambda _, table: table.update(customProperties=_state_charts(_drop(CHART, "description"))),
        "needs each chart to say description, id, query, and ratio: true or nothing else",
    ),
    "a chart that says more": (
        lambda _, table: table.update(customProperties=_state_charts(CHART | {"colour": "red"})),
        "needs each chart to say description, id, query, and ratio: true or nothing else",
    ),
    "a chart of no table": (
        lambda _, table: table.update(customProperties=_state_charts(CHART | {"query": "SELECT 1"})),
        "needs chart prices: query over {batch}",
    ),
    "two charts of one name": (
        lambda _, table: table.update(customProperties=_state_charts(CHART, CHART)),
        "needs each chart once: prices",
    ),
    "history without two bounds": (
        lambda _, table: table["quality"].append(_drop(HISTORY, "mustBeBetween") | {"mustBe": 1}),
        "needs rule as_before: mustBeBetween, two ratios, exactly where unit is history",
    ),
    "history that is no query": (
        lambda _, table: table["quality"][0].update(unit="history"),
        "needs rule something_is_there: type: sql, as its unit is history",
    ),
    "a query with bounds that is no history": (
        lambda _, table: table["quality"].append(_drop(HISTORY, "unit")),
        "needs rule as_before: engine: spark-sql",
    ),
}


@pytest.mark.parametrize(("change", "remedy"), FAULTS.values(), ids=FAULTS)
def test_a_file_that_lacks_something_is_told_what(tmp_path: Path, change: Change, remedy: str) -> None:
    document = yaml.safe_load(GOOD)
    change(document, document["schema"][0])
    assert remedy in refuse(tmp_path, document)


MISSPELT: dict[str, tuple[Change, str, str]] = {
    "at the top": (lambda document, _: document.update(owner="me"), "at $:", "'owner'"),
    "in a table": (lambda _, table: table.update(grain="x"), "at $.schema[0]:", "'grain'"),
    "in a column": (
        lambda _, table: table["properties"][1].update(primarykey=True),
        "at $.schema[0].properties[1]:",
        "'primarykey'",
    ),
    "with a date, as YAML reads one": (
        lambda document, _: document.update(since=date(2026, 1, 1)),
        "at $:",
        "'since'",
    ),
}


@pytest.mark.parametrize(("change", "place", "key"), MISSPELT.values(), ids=MISSPELT)
def test_a_misspelt_key_is_named_with_its_place(tmp_path: Path, change: Change, place: str, key: str) -> None:
    document = yaml.safe_load(GOOD)
    change(document, document["schema"][0])
    message = refuse(tmp_path, document)
    assert place in message
    assert key in message


@pytest.mark.parametrize(("text", "line"), [("id: [\n", 2), ("a: b: c", 1), ("\tid: x", 1)])
def test_a_file_that_is_no_yaml_is_told_where(tmp_path: Path, text: str, line: int) -> None:
    message = refuse(tmp_path, text)
    assert "is no YAML" in message
    assert f"line {line}," in message


def test_a_key_given_twice_is_not_lost_in_silence(tmp_path: Path) -> None:
    text = GOOD.replace("    quality:\n", "    quality: []\n    quality:\n")
    assert text != GOOD
    assert "quality is given twice" in refuse(tmp_path, text)


def test_a_date_where_a_text_belongs_is_told_with_its_place(tmp_path: Path) -> None:
    text = GOOD.replace("id: silver.things", "id: 2026-01-01", 1)
    assert text != GOOD
    assert "at $.id: datetime.date(2026, 1, 1) is not of type 'string'" in refuse(tmp_path, text)


@pytest.mark.parametrize("text", ["", "just words", "[1, 2]", "{}"])
def test_a_file_that_is_no_contract_is_refused(tmp_path: Path, text: str) -> None:
    assert "Open Data Contract Standard" in refuse(tmp_path, text)


@pytest.mark.parametrize("source", ["bronze.nothing.day", "silver.things.nothing", "day"])
def test_a_source_that_no_contract_describes_is_named_with_its_column(tmp_path: Path, source: str) -> None:
    write_contract(tmp_path, GOOD.replace("landing.things.day", source))
    with pytest.raises(ContractError) as refused:
        load_contracts(tmp_path)
    assert str(refused.value) == (
        f"contract silver/things.yml: column day names {source}, which no contract describes"
    )


def with_query(table: str) -> dict[str, Any]:
    """A contract with a rule that reads another table."""
    document: dict[str, Any] = yaml.safe_load(GOOD)
    document["schema"][0]["quality"][0] |= {
        "unit": "query",
        "implementation": "SELECT * FROM {other}".replace("other", table),
    }
    return document


@pytest.mark.parametrize("table", ["silver.nothing", "silver.things", "quarantine.nothing"])
def test_a_rule_that_reads_no_other_table_with_a_contract_is_named(tmp_path: Path, table: str) -> None:
    write_contract(tmp_path, with_query(table))
    with pytest.raises(ContractError) as refused:
        load_contracts(tmp_path)
    assert str(refused.value) == (
        f"contract silver/things.yml: rule something_is_there reads {{{table}}}, "
        "which is no other table with a contract"
    )


@pytest.mark.parametrize("table", ["silver.others", "quarantine.others"])
def test_a_rule_may_read_another_table_or_what_it_refuses(tmp_path: Path, table: str) -> None:
    write_contract(tmp_path, with_query(table))
    others = GOOD.replace("id: silver.things", "id: silver.others")
    write_contract(tmp_path, others, "silver/others.yml")
    assert load_contracts(tmp_path)["silver.things"].rules[0].consulted == (table,)


def test_a_reference_to_a_column_that_no_contract_describes_is_named(tmp_path: Path) -> None:
    document = yaml.safe_load(GOOD)
    relation = {"type": "foreignKey", "to": "silver.shops.shop_id"}
    document["schema"][0]["properties"][2]["relationships"] = [relation]
    write_contract(tmp_path, document)
    with pytest.raises(ContractError, match=r"column price names silver\.shops\.shop_id"):
        load_contracts(tmp_path)


def test_contracts_may_name_columns_of_each_other(tmp_path: Path) -> None:
    write_contract(tmp_path, GOOD)
    text = GOOD.replace("id: silver.things", "id: gold.things").replace("landing.things", "silver.things")
    write_contract(tmp_path, text.replace("things.cents", "things.price"), "gold/things.yml")
    contracts = load_contracts(tmp_path)
    assert list(contracts) == ["silver.things", "gold.things"]
    assert contracts["gold.things"].source_tables == {"silver.things"}
