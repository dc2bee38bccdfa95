"""Contracts of tables that exist only in tests, small enough to be read at a glance."""

from instacart_assets.contracts.model import (
    Chart,
    Column,
    ColumnType,
    Contract,
    Rule,
    SchemaDrift,
    Scope,
    Severity,
)

STRICT = SchemaDrift()
"""A landed file that is not what its contract names is refused."""


def make_column(
    name: str,
    column_type: ColumnType = "string",
    *,
    required: bool = False,
    sources: tuple[str, ...] = (),
    references: str | None = None,
) -> Column:
    return Column(name, column_type, required, f"The {name}.", sources=sources, references=references)


def make_landed_column(
    name: str, source: str = "things", *, optional: bool = False, spells: ColumnType | None = None
) -> Column:
    tags = ("optional_in_file",) if optional else ()
    return Column(name, "string", False, f"The {name}.", tags, (f"landing.{source}.{name}",), spells=spells)


def make_rule(
    name: str,
    condition: str,
    *,
    severity: Severity = "block",
    scope: Scope = "rows",
    between: tuple[float, float] | None = None,
    is_for_public_files: bool = False,
) -> Rule:
    description = f"It holds that {condition}."
    return Rule(name, description, condition, scope, severity, "conformity", between, is_for_public_files)


def make_contract(
    *columns: Column,
    address: str = "silver.things",
    key: tuple[str, ...] = ("thing_id",),
    rules: tuple[Rule, ...] = (),
    is_optional: bool = False,
    error_budget: float | None = None,
    drift: SchemaDrift = STRICT,
    charts: tuple[Chart, ...] = (),
) -> Contract:
    return Contract(
        address=address,
        title="Things",
        grain="One row per thing.",
        description="Every thing there is.",
        owners=("team:data-engineering",),
        tags=(),
        domain="sales",
        freshness_hours=24.0,
        columns=columns,
        key=key,
        rules=rules,
        is_optional=is_optional,
        error_budget=error_budget,
        drift=drift,
        charts=charts,
    )


ORIGIN = (
    Column("_source_file", "string", True, "Path of the landed file."),
    Column("_source_fingerprint", "string", True, "SHA-256 of the landed file."),
    Column("_row_number", "bigint", True, "Number of the record in its file."),
    Column("_ingested_at", "timestamp", True, "Moment the file was read."),
)


def make_landed_contract(
    name: str = "things",
    *,
    is_optional: bool = False,
    error_budget: float | None = 1.0,
    drift: SchemaDrift = STRICT,
) -> Contract:
    """A bronze contract of ``thing_id``, a number, and ``name``, and ``colour`` where the file has it."""
    return make_contract(
        make_landed_column("thing_id", name, spells="bigint"),
        make_landed_column("name", name),
        make_landed_column("colour", name, optional=True),
        *ORIGIN,
        address=f"bronze.{name}",
        key=("_source_file", "_row_number"),
        is_optional=is_optional,
        error_budget=error_budget,
        drift=drift,
    )
