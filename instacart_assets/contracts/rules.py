"""Compiles a contract to the rules of its table: those it states, and those that follow from its columns.

Contains the one list from which row predicates, Great Expectations suites, Dagster's checks and the
documentation are generated. Nothing is evaluated here.
"""

from collections.abc import Iterator

from instacart_assets.contracts.model import Column, ColumnType, Contract, Rule, Severity

KEY_RULE = "key_is_unique"
ACCOUNTING_RULE = "every_row_is_accounted_for"
RECORDS_RULE = "every_landed_record_is_read"
LINES_RULE = "lines_are_well_formed"
BUDGET_RULE = "refused_share_is_within_budget"
COLUMNS_RULE = "landed_columns_are_the_contracts"
TYPES_RULE = "landed_types_are_kept"

CHANGED_SHARE = 0.5
"""A landed column has changed its type when more than this share of its values no longer parses as it."""
CHANGED_VALUES = 20
"""Fewer such values in a file count as single mistakes, not as a changed type."""

SPELLING: dict[ColumnType, str] = {
    "boolean": "lower({0}) IN ('0', '1', 'true', 'false')",
    "bigint": "try_cast({0} AS BIGINT) IS NOT NULL",
    "double": "try_cast({0} AS DOUBLE) IS NOT NULL",
    "date": "try_cast({0} AS DATE) IS NOT NULL",
    "timestamp": "try_cast({0} AS TIMESTAMP) IS NOT NULL",
}
"""Spark SQL condition that text parses as a value of the type."""


def compile_rules(contract: Contract) -> tuple[Rule, ...]:
    """Every rule of the contract's table, in the order in which outcomes are reported.

    The key, a rule for each required column, the rules that are stated, a rule for each reference, and the rules
    over the counts of rows read and rows written.
    """
    return (
        _make_key_rule(contract),
        *(
            _make_filled_rule(column, contract)
            for column in contract.columns
            if _needs_filled_rule(column, contract)
        ),
        *contract.rules,
        *(_make_reference_rule(column, contract) for column in contract.columns if column.references),
        *_make_counted_rules(contract),
    )


def reject_rules(contract: Contract) -> tuple[Rule, ...]:
    """The rules on single rows that send a row to quarantine when it breaks them."""
    return tuple(
        rule for rule in compile_rules(contract) if rule.severity == "reject" and rule.scope == "rows"
    )


def consulted_tables(contract: Contract) -> tuple[str, ...]:
    """Addresses of the tables that rules compare the table with; they are built before it."""
    consulted = (address for rule in compile_rules(contract) for address in rule.consulted)
    return tuple(dict.fromkeys(consulted))


def _severity_of_rows(contract: Contract) -> Severity:
    return "reject" if contract.refuses_rows else "block"


def _make_key_rule(contract: Contract) -> Rule:
    key = ", ".join(contract.key)
    return Rule(
        KEY_RULE,
        f"No two rows share {key}.",
        f"SELECT {key}, count(*) AS rows FROM {{batch}} GROUP BY {key} HAVING count(*) > 1",
        "query",
        _severity_of_rows(contract),
        "uniqueness",
        within=contract.key,
    )


def _needs_filled_rule(column: Column, contract: Contract) -> bool:
    """Whether a column must not be null and no rule of the contract says so itself."""
    return column.required and all(rule.condition != f"{column.name} IS NOT NULL" for rule in contract.rules)


def _make_filled_rule(column: Column, contract: Contract) -> Rule:
    """A null refuses its row, except where the value comes from a lookup: there a separate rule reports the unknown."""
    is_looked_up = any(source.startswith("silver.") for source in column.sources)
    return Rule(
        f"{column.name}_is_filled",
        f"{column.name} is never null.",
        f"{column.name} IS NOT NULL",
        "rows",
        "block" if is_looked_up else _severity_of_rows(contract),
        "completeness",
    )


def _make_reference_rule(column: Column, contract: Contract) -> Rule:
    table, _, target = str(column.references).rpartition(".")
    shown = ", ".join(f"held.{name}" for name in dict.fromkeys((*contract.key, column.name)))
    return Rule(
        f"{column.name}_is_in_{table.replace('.', '_')}",
        f"Every {column.name} is a {target} of {table}.",
        f"SELECT {shown} FROM {{batch}} AS held LEFT ANTI JOIN {{{table}}} AS known "
        f"ON held.{column.name} = known.{target} WHERE held.{column.name} IS NOT NULL",
        "query",
        "block",
        "consistency",
        within=contract.key,
    )


def _make_counted_rules(contract: Contract) -> Iterator[Rule]:
    if contract.landed_columns:
        yield from _make_landed_rules(contract)
    elif contract.refuses_rows:
        yield Rule(
            ACCOUNTING_RULE,
            "Every row read is written, in quarantine, an exact duplicate or superseded by a later file.",
            "read = written + quarantined + duplicates + superseded",
            "counts",
            "block",
            "completeness",
        )
    if contract.error_budget is not None:
        yield Rule(
            BUDGET_RULE,
            f"At most {contract.error_budget:.4g} of what is read is refused and not yet resolved.",
            f"open / read <= {contract.error_budget:.4g}",
            "counts",
            "block",
            "accuracy",
        )


def _make_landed_rules(contract: Contract) -> Iterator[Rule]:
    spelt = [column for column in contract.landed_columns if column.spells]
    if spelt:
        yield _make_types_rule(spelt, contract)
    yield Rule(
        RECORDS_RULE,
        "Every record of the landed files is a row or a line in quarantine.",
        "records = rows + lines",
        "counts",
        "block",
        "completeness",
    )
    yield Rule(
        LINES_RULE,
        "Every line of the landed files is UTF-8 and a CSV record of the header's length.",
        "lines = 0",
        "counts",
        "reject",
        "conformity",
    )
    yield Rule(
        COLUMNS_RULE,
        "The landed files have the contract's columns and no others "
        f"(unknown column: {contract.drift.unknown_column}; missing column: {contract.drift.missing_column}).",
        "unknown_columns = 0 AND missing_columns = 0",
        "counts",
        "warn",
        "conformity",
    )


def _make_types_rule(spelt: list[Column], contract: Contract) -> Rule:
    """One pass over the rows counts, per file and column, the values that do not parse as the column's type."""
    counted = ", ".join(
        f"named_struct('column', '{column.name}', 'type', '{column.spells}', "
        f"'filled', count({column.name}), 'misspelt', count_if({column.name} IS NOT NULL AND NOT coalesce({_spell(column)}, false)))"
        for column in spelt
    )
    return Rule(
        TYPES_RULE,
        "Most values of each landed column spell its type, in every file "
        f"(changed type: {contract.drift.changed_type}).",
        "SELECT _source_file, found.column, found.type, found.filled, found.misspelt FROM "
        f"(SELECT _source_file, explode(array({counted})) AS found FROM {{batch}} GROUP BY _source_file) "
        f"WHERE found.filled >= {CHANGED_VALUES} AND found.misspelt > {CHANGED_SHARE} * found.filled",
        "query",
        "block" if contract.drift.changed_type == "refuse" else "warn",
        "conformity",
        within=("_source_file",),
    )


def _spell(column: Column) -> str:
    return SPELLING[column.spells or "bigint"].format(column.name)
