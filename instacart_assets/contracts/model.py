"""The parts of a contract the product acts on, as typed values.

Contains the shape of a loaded contract and nothing that acts on it: no engine, no Dagster, no files.
``load.py`` fills these from YAML.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, get_args

Layer = Literal["bronze", "silver", "gold"]
LAYERS: tuple[Layer, ...] = get_args(Layer)
"""Layers that have contract files, in the order in which rows pass through them."""

ColumnType = Literal["boolean", "int", "bigint", "double", "string", "date", "timestamp", "array<string>"]
COLUMN_TYPES: tuple[ColumnType, ...] = get_args(ColumnType)

Severity = Literal["reject", "block", "warn"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)

Scope = Literal["rows", "table", "query", "history", "counts"]
STATED_SCOPES: tuple[Scope, ...] = ("rows", "table", "query", "history")

Policy = Literal["refuse", "ignore", "add"]
POLICIES: tuple[Policy, ...] = get_args(Policy)

LANDING = "landing"
"""The first part of the address of a landed source, e.g. ``landing.orders``."""

QUARANTINE = "quarantine"
"""The first part of the address of a table of refused rows, e.g. ``quarantine.orders``."""

LAYER_DESCRIPTIONS: Mapping[str, str] = MappingProxyType(
    {
        LANDING: "Files as the operational store handed them over.",
        "bronze": "Landed records as they came, each with its file, its line and the moment it was read.",
        "silver": "Typed, validated and dated: one row per thing, and nothing that broke a rule.",
        "gold": "What the business asks: repeat purchases, baskets, promotions, departments by day and hour, customers, what will be needed.",
        QUARANTINE: "Lines and rows that were refused, with their reasons and what became of them.",
    }
)
"""What each layer holds; in a catalog, the comment of the layer's schema."""

ORIGIN = ("_source_file", "_row_number")
"""Columns that identify the landed record of a row; a table that refuses rows keeps them up to its candidate."""

IS_REFUSED, REASONS = "_is_refused", "_reasons"
"""Columns that a candidate (the staged version that is audited before it is published) has beside the contract's:
whether a row is refused, and the rules it breaks."""

TABLE_MENTION = re.compile(r"\{(\w+\.\w+)\}")
"""A table in a query rule, e.g. ``{silver.orders}``."""


@dataclass(frozen=True)
class Rule:
    """A condition that a table must meet.

    Attributes:
        id: name of the rule, unique within its table; also the name of the Dagster check.
        description: the rule as a sentence.
        condition: Spark SQL. With scope ``rows`` it is evaluated per row, and a row breaks it where it is false or
            null; with ``table`` it consists of aggregates over all rows; with ``query`` it is a SELECT whose rows
            are the violations, over ``{batch}``, ``{refused}``, ``{lines}`` and other tables as
            ``{layer.table}``; with ``history`` it is a SELECT of one value, compared with its own past; with
            ``counts``, which no contract states, it is a formula over the counts taken during the build.
        scope: what the condition is evaluated on.
        severity: ``reject`` sends the row to quarantine, ``block`` keeps the table from being published,
            ``warn`` reports.
        dimension: quality dimension of the standard, e.g. ``conformity``.
        between: lowest and highest ratio of a ``history`` rule's value to the median of the earlier ones.
        is_for_public_files: whether the rule applies to the publisher's own files only, and is skipped for others.
        within: columns whose values split the rows into groups that a ``query`` rule checks independently: where
            only some rows have changed, only their groups are checked. None where the rule needs all rows.
    """

    id: str
    description: str
    condition: str
    scope: Scope
    severity: Severity
    dimension: str
    between: tuple[float, float] | None = None
    is_for_public_files: bool = False
    within: tuple[str, ...] | None = None

    @property
    def consulted(self) -> tuple[str, ...]:
        """Addresses of the other tables that a ``query`` rule reads, in the order of their first mention."""
        return (
            tuple(dict.fromkeys(TABLE_MENTION.findall(self.condition)))
            if self.scope in {"query", "history"}
            else ()
        )


@dataclass(frozen=True)
class Chart:
    """A chart that is drawn each time the table is published.

    Attributes:
        id: name of the chart, unique within its table.
        description: what it shows, with its unit.
        query: a SELECT over ``{batch}`` of the columns ``label`` and ``value``, and ``low`` and ``high`` where values
            have intervals, in the order in which they are drawn.
        is_ratio: whether the values are ratios, where 1 means no effect.
    """

    id: str
    description: str
    query: str
    is_ratio: bool = False


@dataclass(frozen=True)
class SchemaDrift:
    """What happens when a landed file no longer matches its contract.

    Attributes:
        unknown_column: ``refuse`` the file, ``ignore`` the column with a warning, or ``add`` it to the table.
        missing_column: ``refuse`` the file, or ``ignore`` with a warning and leave the column null.
        changed_type: ``refuse`` to publish where most values of a column no longer parse as its type, or
            ``ignore`` with a warning and let silver refuse the rows.
    """

    unknown_column: Policy = "refuse"
    missing_column: Policy = "refuse"
    changed_type: Policy = "refuse"


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        name: name in the table.
        type: Spark's name of the type.
        required: whether null is forbidden.
        description: what a value means, with its unit.
        tags: includes ``additive`` or ``non_additive`` for measures, and ``optional_in_file`` for a
            landed column that a file's header may lack.
        sources: columns it is derived from, each as ``layer.table.column``.
        logic: how it is derived from them, in words or SQL; None for a plain copy.
        references: the column it references, as ``layer.table.column``; None where it is not a foreign key.
        spells: the type that the text of a landed column must parse as; None where any text is valid.
    """

    name: str
    type: ColumnType
    required: bool
    description: str
    tags: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    logic: str | None = None
    references: str | None = None
    spells: ColumnType | None = None


@dataclass(frozen=True)
class Contract:
    """What a table promises.

    Attributes:
        address: ``layer.table``; the asset's key and the table's place in the lake follow from it.
        title: short name for people.
        grain: what one row stands for.
        description: what the table means and how to read it.
        owners: owners in Dagster's notation, an e-mail address or ``team:name``.
        tags: labels of the asset.
        domain: business domain.
        freshness_hours: the table is late when its last update is older than this.
        columns: columns in order.
        key: names of the columns that identify a row, in order.
        rules: conditions beyond the key and the required columns.
        is_optional: whether the landed source may be absent, which leaves the table empty.
        error_budget: highest share of the rows read that may be refused before the table is blocked; None for a
            table that refuses no rows.
        drift: what happens when the columns of a landed file differ from the contract.
        charts: charts drawn from it for people who watch runs.
    """

    address: str
    title: str
    grain: str
    description: str
    owners: tuple[str, ...]
    tags: tuple[str, ...]
    domain: str
    freshness_hours: float
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    rules: tuple[Rule, ...] = ()
    is_optional: bool = False
    error_budget: float | None = None
    drift: SchemaDrift = SchemaDrift()
    charts: tuple[Chart, ...] = ()

    @property
    def layer(self) -> str:
        """First part of the address."""
        return self.address.split(".")[0]

    @property
    def name(self) -> str:
        """Second part of the address."""
        return self.address.split(".")[1]

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        return tuple(column.name for column in self.columns)

    @property
    def required_columns(self) -> tuple[str, ...]:
        """Names of the columns that forbid null, in order."""
        return tuple(column.name for column in self.columns if column.required)

    @property
    def has_quarantine(self) -> bool:
        """Whether lines or rows can be refused, which are then kept in a quarantine table."""
        return self.error_budget is not None

    @property
    def refuses_rows(self) -> bool:
        """Whether rows that break a rule are refused one by one; a landed table refuses only lines."""
        return self.has_quarantine and not self.landed_columns

    @property
    def row_sources(self) -> tuple[str, ...]:
        """Addresses of the tables whose rows become this table's rows: those that the whole key comes from."""
        origins = [
            {source.rpartition(".")[0] for source in column.sources}
            for column in self.columns
            if column.name in self.key
        ]
        return tuple(sorted(set.intersection(*origins))) if origins else ()

    @property
    def source_tables(self) -> frozenset[str]:
        """Addresses of all tables that any column comes from."""
        return frozenset(source.rpartition(".")[0] for column in self.columns for source in column.sources)

    @property
    def landed_columns(self) -> tuple[Column, ...]:
        """The columns of the landed file: those a bronze table copies from its source."""
        return tuple(
            column
            for column in self.columns
            if any(source.startswith(f"{LANDING}.") for source in column.sources)
        )
