"""Generates a table's page from its contract and its place in the graph.

A page shows what the table promises, its columns and where they come from and go, its rules and what happens when one
is broken.
"""

from collections.abc import Iterator, Sequence

from docs.compiler.markdown import link_table, list_words, tabulate
from instacart_assets.contracts.model import LAYER_DESCRIPTIONS, LAYERS, Column, Contract, Rule
from instacart_assets.contracts.quarantine import quarantine_address
from instacart_assets.contracts.rules import compile_rules, consulted_tables
from instacart_assets.tables.declare import Table

SEVERITY_MEANING = {
    "reject": "the row goes to quarantine, the others are published",
    "block": "the version is not published and nothing downstream runs",
    "warn": "reported",
}

ADDITIVITY = {"additive": "yes", "non_additive": "no"}
"""Whether a measure can be summed over rows, by the tag of its column."""

LINEAGE = "<!-- lineage -->"
"""Marks where the site inserts the drawing of a table's column lineage."""

INDEX_HEAD = """\
# Tables

Each table is a Delta table, a Dagster asset and a contract. These pages are generated from the contracts and the graph (`make pages`),
and a test compares them with what Dagster loads. *Fresh* is the maximum age of the last update, in hours; *refused* is the share of
rows read that may be refused before the table is not published. How a contract becomes a table: [concepts](../concepts/contracts.md).
"""

INDEX_TAIL = """\
## Refused rows

[Tables of refused rows](quarantine.md): one beside each bronze and silver table.

```{toctree}
:hidden:
:glob:

bronze.*
silver.*
gold.*
quarantine
```
"""


def document_table(table: Table, tables: Sequence[Table]) -> str:
    """The page of a table, in Markdown.

    Args:
        table: the table.
        tables: all tables, including those that are made from this one.
    """
    contract = table.contract
    has_measures = any(_read_additivity(column) for column in contract.columns)
    measure = ("adds up",) if has_measures else ()
    return "\n".join(
        [
            f"# `{contract.address}`: {contract.title}",
            "",
            contract.description,
            "",
            *(f"- **{name}:** {value}" for name, value in _list_facts(table, tables)),
            "",
            "## Columns",
            "",
            *tabulate(
                ("column", "type", "null", *measure, "meaning", "from"),
                (_describe_column(column, has_measures) for column in contract.columns),
            ),
            "",
            "## Lineage",
            "",
            LINEAGE,
            "",
            *_list_uses(contract, tables),
            "## Rules",
            "",
            *(f"- `{severity}`: {meaning}." for severity, meaning in SEVERITY_MEANING.items()),
            "",
            f"Each is a check of the same name on the asset `{'/'.join(contract.address.split('.'))}`.",
            "",
            *tabulate(
                ("rule", "severity", "says", "holds where"), map(_describe_rule, compile_rules(contract))
            ),
            "",
        ]
    )


def document_index(tables: Sequence[Table]) -> str:
    """The page that lists the pages of all tables, by layer."""
    lines = [INDEX_HEAD]
    for layer in LAYERS:
        rows = (
            (
                link_table(table.address),
                table.contract.grain,
                list_words(table.contract.owners),
                f"{table.contract.freshness_hours:g}",
                describe_budget(table.contract),
                str(len(compile_rules(table.contract))),
            )
            for table in tables
            if table.contract.layer == layer
        )
        lines += [f"## {layer.capitalize()}", "", LAYER_DESCRIPTIONS[layer], ""]
        lines += [*tabulate(("table", "grain", "owner", "fresh", "refused", "rules"), rows), ""]
    return "\n".join([*lines, INDEX_TAIL])


def describe_budget(contract: Contract) -> str:
    """The share of what is read that may be refused, in percent, where rows can be refused."""
    return "" if contract.error_budget is None else f"{100 * contract.error_budget:g} %"


def _list_facts(table: Table, tables: Sequence[Table]) -> Iterator[tuple[str, str]]:
    contract = table.contract
    sources = list(table.sources.values())
    yield "grain", contract.grain
    yield "key", ", ".join(f"`{name}`" for name in contract.key)
    yield "owner", ", ".join(contract.owners)
    yield "fresh", f"at most {contract.freshness_hours:g} hours old"
    yield "made of", list_words(map(link_table, sources))
    consulted = [address for address in consulted_tables(contract) if address not in sources]
    if consulted:
        yield "held against", list_words(map(link_table, consulted))
    yield (
        "goes into",
        list_words(link_table(one.address) for one in tables if table.address in one.sources.values()),
    )
    if table.by:
        yield "made anew", f"by groups of {list_words(f'`{name}`' for name in table.by)}"
    if contract.error_budget is not None:
        yield "quarantine", f"[`{quarantine_address(contract)}`](quarantine.md)"
        yield "error budget", f"{contract.error_budget:.4g} of what is read may be refused and open"
    if contract.landed_columns:
        drift = contract.drift
        yield (
            "schema drift",
            f"unknown column: {drift.unknown_column}; missing column: {drift.missing_column}; "
            f"changed type: {drift.changed_type}",
        )


def _describe_column(column: Column, has_measures: bool) -> tuple[str, ...]:
    meaning = column.description if column.logic is None else f"{column.description} Made as: {column.logic}."
    tags = [tag for tag in column.tags if tag not in ADDITIVITY]
    spelled = f"{column.type} (spells {column.spells})" if column.spells else column.type
    reference = f" → `{column.references}`" if column.references else ""
    return (
        f"`{column.name}`",
        spelled,
        "no" if column.required else "yes",
        *([_read_additivity(column)] if has_measures else []),
        meaning + (f" ({', '.join(tags)})" if tags else ""),
        "; ".join(_list_sources(column)) + reference,
    )


def _list_sources(column: Column) -> Iterator[str]:
    """The columns that a column is made from, grouped by table."""
    names: dict[str, list[str]] = {}
    for source in column.sources:
        address, _, name = source.rpartition(".")
        names.setdefault(address, []).append(f"`{name}`")
    for address, found in names.items():
        yield f"{link_table(address)}: {', '.join(found)}"


def _read_additivity(column: Column) -> str:
    return next((ADDITIVITY[tag] for tag in column.tags if tag in ADDITIVITY), "")


def _list_uses(contract: Contract, tables: Sequence[Table]) -> Iterator[str]:
    """The columns of other tables that are made from each column; empty if there are none."""
    rows = [
        (f"`{column.name}`", "; ".join(_find_uses(f"{contract.address}.{column.name}", tables)))
        for column in contract.columns
    ]
    used = [row for row in rows if row[1]]
    if used:
        yield from tabulate(("column", "goes into"), used)
        yield ""


def _find_uses(source: str, tables: Sequence[Table]) -> Iterator[str]:
    for table in tables:
        made = [f"`{column.name}`" for column in table.contract.columns if source in column.sources]
        if made:
            yield f"{link_table(table.address)}: {', '.join(made)}"


def _describe_rule(rule: Rule) -> tuple[str, ...]:
    bounds = (
        f" between {rule.between[0]:g} and {rule.between[1]:g} of the median before" if rule.between else ""
    )
    scope = {"query": "no row of ", "history": "value of "}.get(rule.scope, "")
    return (
        f"`{rule.id}`",
        rule.severity,
        rule.description,
        f"{scope}`{' '.join(rule.condition.split())}`{bounds}",
    )
