"""Loads contracts from YAML and rejects those that lack something a table needs.

Contains the path from a file to a ``Contract``: validation by the standard's own schema first (a misspelt key is
an error), then by what this product requires beyond it. What is derived from a contract lives elsewhere.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import jsonschema
import jsonschema_rs
import yaml
from open_data_contract_standard.model import (
    DataQuality,
    OpenDataContractStandard,
    SchemaObject,
    SchemaProperty,
    Team,
)

from instacart_assets.contracts.model import (
    COLUMN_TYPES,
    LANDING,
    LAYERS,
    POLICIES,
    QUARANTINE,
    SEVERITIES,
    STATED_SCOPES,
    Chart,
    Column,
    ColumnType,
    Contract,
    Layer,
    Policy,
    Rule,
    SchemaDrift,
    Scope,
    Severity,
)
from instacart_assets.errors import RemediableError

CONTRACTS_DIR = Path(__file__).parent
RULE_ENGINE = "spark-sql"
"""The ``engine`` of a rule: its ``implementation`` is a Spark SQL condition."""

PUBLIC_FILES_TAG = "public_files"
"""Marks a rule that applies to the publisher's own files only."""

HOURS_PER_UNIT = {"h": 1.0, "d": 24.0}

LANDED_TYPES: dict[str, ColumnType] = {
    "integer": "bigint",
    "number": "double",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamp",
}
"""The type that a landed column's text must parse as, by the ``logicalType`` beside its ``physicalType: string``."""

BUDGET_PROPERTY = "errorBudget"
CHARTS_PROPERTY = "charts"
CHART_WORDS = {"id", "description", "query"}
WITHIN_PROPERTY = "within"
DRIFT_PROPERTIES = {
    "unknownColumn": "unknown_column",
    "missingColumn": "missing_column",
    "changedType": "changed_type",
}

Stated = TypeVar("Stated")


class ContractError(RemediableError):
    """A contract file is invalid or incomplete; the message names the file, the place and the remedy."""


@cache
def load_contracts(root: Path = CONTRACTS_DIR) -> dict[str, Contract]:
    """All contracts by address, in the order of the layers and then by name.

    Args:
        root: folder with one subfolder per layer.

    Raises:
        ContractError: a file breaks the standard's schema, lacks something, or names a source that no
            contract describes.
    """
    loaded = [load_contract(path) for layer in LAYERS for path in sorted((root / layer).glob("*.yml"))]
    contracts = {contract.address: contract for contract in loaded}
    for contract in loaded:
        _check_sources(contract, contracts)
    return contracts


def contracts_of(layer: Layer) -> tuple[Contract, ...]:
    """The contracts of one layer, by name."""
    return tuple(contract for contract in load_contracts().values() if contract.layer == layer)


def load_contract(path: Path) -> Contract:
    """One contract from its file ``<layer>/<table>.yml``.

    Raises:
        ContractError: the file breaks the standard's schema or lacks something.
    """
    document = OpenDataContractStandard(**_read_valid_yaml(path))
    require = _Requirement(path)
    table = require.one(document.schema_, "schema, with one table")
    address = f"{path.parent.name}.{path.stem}"
    require.that(document.id == address, f"id: {address} (the layer and name of the file), not {document.id}")
    properties = require.some(table.properties, "schema[0].properties")
    columns = tuple(_read_column(column, require) for column in properties)
    _check_unique((column.name for column in columns), "column", require)
    rules = tuple(_read_rules(table, properties, require))
    known = {column.name for column in columns}
    strange = [name for rule in rules for name in rule.within or () if name not in known]
    require.that(not strange, f"within to name columns of the table, not {', '.join(strange)}")
    # During an audit each rule's verdict is a column beside the table's own.
    _check_unique((*(rule.id for rule in rules), *(column.name for column in columns)), "rule", require)
    return Contract(
        address=address,
        title=require.some(table.businessName, "schema[0].businessName"),
        grain=require.some(table.dataGranularityDescription, "schema[0].dataGranularityDescription"),
        description=require.some(table.description, "schema[0].description").strip(),
        owners=_read_owners(document, require),
        tags=tuple(table.tags or ()),
        domain=require.some(document.domain, "domain"),
        freshness_hours=_read_freshness_hours(document, require),
        columns=columns,
        key=_read_key(properties, require),
        rules=rules,
        is_optional="optional" in (table.tags or ()),
        error_budget=_read_error_budget(table, rules, require, is_landed=path.parent.name == "bronze"),
        drift=_read_drift(table, require),
        charts=_read_charts(table, require),
    )


class _Requirement:
    """Reports what a file lacks, always in the same form."""

    def __init__(self, path: Path) -> None:
        self._file = f"{path.parent.name}/{path.name}"

    def that(self, is_met: bool, what: str) -> None:
        if not is_met:
            raise ContractError(f"contract {self._file}: needs {what}")

    def some(self, value: Stated | None, where: str) -> Stated:
        self.that(bool(value), f"{where}, which is missing or empty")
        return cast("Stated", value)

    def one(self, values: list[Stated] | None, where: str) -> Stated:
        found = self.some(values, where)
        self.that(len(found) == 1, f"{where}, and just one")
        return found[0]


@cache
def _standard() -> Any:
    return json.loads(cast("Callable[[], str]", OpenDataContractStandard.json_schema)())


@cache
def _checker() -> Any:
    return jsonschema_rs.validator_for(_standard())


def _is_of_standard(document: Any) -> bool:
    """Whether the document matches the standard's schema: a fast check that gives no reason."""
    try:
        return bool(_checker().is_valid(document))
    except ValueError:  # a date, or a key that is not text
        return False


def _find_fault(document: Any) -> Any:
    """The most informative violation in a document that does not match the standard's schema."""
    schema = _standard()
    validator = jsonschema.validators.validator_for(schema)(schema)
    return jsonschema.exceptions.best_match(validator.iter_errors(document))


class _PlainLoader(yaml.CSafeLoader):
    """YAML loader that rejects duplicate keys, of which the first would be lost silently."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names = Counter(key.value for key, _ in node.value)
        for key, _ in node.value:
            if names[key.value] > 1:
                raise yaml.MarkedYAMLError(problem=f"{key.value} is given twice", problem_mark=key.start_mark)
        return super().construct_mapping(node, deep)


def _read_valid_yaml(path: Path) -> dict[str, Any]:
    try:
        document = yaml.load(path.read_text("utf-8"), _PlainLoader)  # noqa: S506 - a safe loader
    except yaml.YAMLError as error:
        raise ContractError(f"contract {path.parent.name}/{path.name}: is no YAML: {error}") from error
    fault = None if _is_of_standard(document) else _find_fault(document)
    if fault is not None:
        raise ContractError(
            f"contract {path.parent.name}/{path.name}: at {fault.json_path}: {fault.message} "
            "(Open Data Contract Standard)"
        )
    return cast("dict[str, Any]", document)


def _read_column(column: SchemaProperty, require: _Requirement) -> Column:
    name = require.some(column.name, "a name for each column")
    physical_type = require.some(column.physicalType, f"{name}.physicalType")
    require.that(physical_type in COLUMN_TYPES, f"{name}.physicalType to be one of {', '.join(COLUMN_TYPES)}")
    relationships = column.relationships or []
    require.that(len(relationships) <= 1, f"at most one relationship of {name}")
    target = relationships[0].to if relationships else None
    return Column(
        name=name,
        type=cast("ColumnType", physical_type),
        required=bool(column.required),
        description=require.some(column.description, f"{name}.description").strip(),
        tags=tuple(column.tags or ()),
        sources=tuple(column.transformSourceObjects or ()),
        logic=column.transformLogic,
        references=target if isinstance(target, str) else None,
        spells=LANDED_TYPES.get(column.logicalType or "") if physical_type == "string" else None,
    )


def _read_key(properties: list[SchemaProperty], require: _Requirement) -> tuple[str, ...]:
    keyed = sorted(
        (column.primaryKeyPosition or 0, str(column.name)) for column in properties if column.primaryKey
    )
    require.some(keyed, "primaryKey: true on the columns of the key")
    require.that(
        [position for position, _ in keyed] == list(range(1, len(keyed) + 1)),
        "primaryKeyPosition 1, 2, … on the columns of the key",
    )
    required = {column.name for column in properties if column.required}
    require.that(all(name in required for _, name in keyed), "required: true on the columns of the key")
    return tuple(name for _, name in keyed)


def _read_rules(
    table: SchemaObject, properties: list[SchemaProperty], require: _Requirement
) -> Iterator[Rule]:
    stated = [*(table.quality or ()), *(quality for column in properties for quality in column.quality or ())]
    for quality in stated:
        yield _read_rule(quality, require)


def _read_rule(quality: DataQuality, require: _Requirement) -> Rule:
    rule_id = require.some(quality.id, "an id for each quality rule")
    severity = require.some(quality.severity, f"rule {rule_id}: severity")
    require.that(severity in SEVERITIES, f"rule {rule_id}: severity to be one of {', '.join(SEVERITIES)}")
    scope = quality.unit or "rows"
    condition = _read_condition(quality, scope, rule_id, require)
    require.that(scope in STATED_SCOPES, f"rule {rule_id}: unit to be one of {', '.join(STATED_SCOPES)}")
    require.that(
        severity != "reject" or scope == "rows", f"rule {rule_id}: unit: rows, as only a row can be rejected"
    )
    between = quality.mustBeBetween
    require.that(
        (scope == "history") == (between is not None),
        f"rule {rule_id}: mustBeBetween, two ratios, exactly where unit is history",
    )
    within = _read_within(quality, rule_id, require)
    require.that(within is None or scope == "query", f"rule {rule_id}: unit: query, as it states within")
    return Rule(
        id=rule_id,
        description=require.some(quality.description, f"rule {rule_id}: description").strip(),
        condition=condition.strip(),
        scope=cast("Scope", scope),
        severity=cast("Severity", severity),
        dimension=require.some(quality.dimension, f"rule {rule_id}: dimension"),
        between=None if between is None else (float(between[0]), float(between[1])),
        is_for_public_files=PUBLIC_FILES_TAG in (quality.tags or ()),
        within=within,
    )


def _read_within(quality: DataQuality, rule_id: str, require: _Requirement) -> tuple[str, ...] | None:
    properties = _custom_properties(quality)
    strange = sorted(set(properties) - {WITHIN_PROPERTY})
    require.that(
        not strange, f"rule {rule_id}: customProperties to be {WITHIN_PROPERTY}, not {', '.join(strange)}"
    )
    if WITHIN_PROPERTY not in properties:
        return None
    named = properties[WITHIN_PROPERTY]
    require.that(
        isinstance(named, list) and named != [] and all(isinstance(name, str) for name in named),
        f"rule {rule_id}: within, a list of columns",
    )
    return tuple(named)


def _read_condition(quality: DataQuality, scope: str, rule_id: str, require: _Requirement) -> str:
    if scope == "history":  # the standard compares values only for SQL queries
        require.that(quality.type == "sql", f"rule {rule_id}: type: sql, as its unit is history")
        return require.some(quality.query, f"rule {rule_id}: query")
    require.that(quality.engine == RULE_ENGINE, f"rule {rule_id}: engine: {RULE_ENGINE}")
    condition = require.some(quality.implementation, f"rule {rule_id}: implementation")
    require.that(isinstance(condition, str), f"rule {rule_id}: implementation to be a Spark SQL condition")
    return str(condition)


def _read_error_budget(
    table: SchemaObject, rules: tuple[Rule, ...], require: _Requirement, *, is_landed: bool
) -> float | None:
    budget = _custom_properties(table).get(BUDGET_PROPERTY)
    rejecting = [rule.id for rule in rules if rule.severity == "reject"]
    require.that(
        budget is not None or not rejecting,
        f"customProperties: errorBudget, as rows can be rejected: {', '.join(rejecting)}",
    )
    require.that(
        budget is not None or not is_landed, "customProperties: errorBudget, as lines can be malformed"
    )
    if budget is None:
        return None
    require.that(
        isinstance(budget, int | float) and not isinstance(budget, bool) and 0 <= budget <= 1,
        "customProperties: errorBudget, a share from 0 to 1",
    )
    return float(budget)


def _read_drift(table: SchemaObject, require: _Requirement) -> SchemaDrift:
    properties = _custom_properties(table)
    known = (BUDGET_PROPERTY, CHARTS_PROPERTY, *DRIFT_PROPERTIES)
    strange = sorted(set(properties) - set(known))
    require.that(not strange, f"customProperties to be among {', '.join(known)}, not {', '.join(strange)}")
    stated = {name: value for name, value in properties.items() if name in DRIFT_PROPERTIES}
    for name, value in stated.items():
        allowed = [policy for policy in POLICIES if policy != "add" or name == "unknownColumn"]
        require.that(value in allowed, f"customProperties: {name} to be one of {', '.join(allowed)}")
    policies = {DRIFT_PROPERTIES[name]: value for name, value in stated.items()}
    return SchemaDrift(**cast("dict[str, Policy]", policies))


def _read_charts(table: SchemaObject, require: _Requirement) -> tuple[Chart, ...]:
    stated = _custom_properties(table).get(CHARTS_PROPERTY, [])
    require.that(isinstance(stated, list), "customProperties: charts, as a list")
    charts = tuple(_read_chart(chart, require) for chart in stated)
    _check_unique((chart.id for chart in charts), "chart", require)
    return charts


def _read_chart(stated: Any, require: _Requirement) -> Chart:
    given = stated if isinstance(stated, dict) else {}
    is_whole = set(given) - {"ratio"} == CHART_WORDS and all(
        isinstance(given[word], str) and given[word] for word in CHART_WORDS
    )
    require.that(
        is_whole and isinstance(given.get("ratio", False), bool),
        f"each chart to say {', '.join(sorted(CHART_WORDS))}, and ratio: true or nothing else",
    )
    require.that("{batch}" in given["query"], f"chart {given['id']}: query over {{batch}}")
    return Chart(
        id=given["id"],
        description=given["description"].strip(),
        query=given["query"].strip(),
        is_ratio=given.get("ratio", False),
    )


def _custom_properties(stated: SchemaObject | DataQuality) -> dict[str, Any]:
    return {str(custom.property): custom.value for custom in stated.customProperties or ()}


def _read_owners(document: OpenDataContractStandard, require: _Requirement) -> tuple[str, ...]:
    team = document.team
    require.that(isinstance(team, Team), "team, as an object with a name")
    name = require.some(cast("Team", team).name, "team.name")
    return (f"team:{name}",)


def _read_freshness_hours(document: OpenDataContractStandard, require: _Requirement) -> float:
    stated = [level for level in document.slaProperties or () if level.property == "freshness"]
    level = require.one(stated, "slaProperties: freshness")
    require.that(
        level.unit in HOURS_PER_UNIT, f"slaProperties: freshness: unit {' or '.join(HOURS_PER_UNIT)}"
    )
    require.that(isinstance(level.value, int | float), "slaProperties: freshness: value, a number")
    return float(cast("float", level.value)) * HOURS_PER_UNIT[cast("str", level.unit)]


def _check_unique(names: Iterable[str], what: str, require: _Requirement) -> None:
    repeated = sorted(name for name, count in Counter(names).items() if count > 1)
    require.that(not repeated, f"each {what} once: {', '.join(repeated)}")


def _check_sources(contract: Contract, contracts: dict[str, Contract]) -> None:
    _check_consulted(contract, contracts)
    references = [(column.name, column.references) for column in contract.columns if column.references]
    sources = [(column.name, source) for column in contract.columns for source in column.sources]
    for name, source in [*sources, *references]:
        table, _, column = source.rpartition(".")
        if table.startswith(f"{LANDING}."):
            continue
        if table not in contracts or column not in contracts[table].column_names:
            raise ContractError(
                f"contract {contract.layer}/{contract.name}.yml: column {name} names {source}, "
                "which no contract describes"
            )


def _check_consulted(contract: Contract, contracts: dict[str, Contract]) -> None:
    for rule in contract.rules:
        for address in rule.consulted:
            layer, _, name = address.partition(".")
            described = f"silver.{name}" if layer == QUARANTINE else address
            if described not in contracts or address == contract.address:
                raise ContractError(
                    f"contract {contract.layer}/{contract.name}.yml: rule {rule.id} reads {{{address}}}, "
                    "which is no other table with a contract"
                )
