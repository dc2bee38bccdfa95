"""Compiles a contract to its page of documentation.

Here lives how a contract reads: columns, rules and what happens when one is broken, in Markdown. Run as a
module, it writes the pages of all contracts into a folder; a test holds the pages that are kept to the contracts.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from instacart_assets.contracts.load import load_contracts
from instacart_assets.contracts.model import Column, Contract, Rule
from instacart_assets.contracts.quarantine import quarantine_address
from instacart_assets.contracts.rules import compile_rules

SEVERITY_MEANING = {
    "reject": "the row goes to quarantine, the others are published",
    "block": "the version is not published and nothing downstream runs",
    "warn": "reported",
}


def document_table(contract: Contract) -> str:
    """The page of a table, in Markdown."""
    return "\n".join(
        [
            f"# `{contract.address}`: {contract.title}",
            "",
            contract.description,
            "",
            *(f"- **{name}:** {value}" for name, value in _list_facts(contract)),
            "",
            "## Columns",
            "",
            *_tabulate(
                ("column", "type", "null", "meaning", "from"), map(_describe_column, contract.columns)
            ),
            "",
            "## Rules",
            "",
            *(f"- `{severity}`: {meaning}." for severity, meaning in SEVERITY_MEANING.items()),
            "",
            *_tabulate(
                ("rule", "severity", "says", "holds where"), map(_describe_rule, compile_rules(contract))
            ),
            "",
        ]
    )


def document_index(contracts: Sequence[Contract]) -> str:
    """The page that lists the pages of all tables."""
    rows = (
        (f"[`{contract.address}`]({contract.address}.md)", contract.grain, str(len(compile_rules(contract))))
        for contract in contracts
    )
    return "\n".join(["# Tables", "", *_tabulate(("table", "grain", "rules"), rows), ""])


def write_pages(folder: Path) -> list[Path]:
    """Write a page per contract and the list of them.

    Returns:
        The pages written.
    """
    contracts = list(load_contracts().values())
    pages = {"index": document_index(contracts), **{one.address: document_table(one) for one in contracts}}
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages.items():
        (folder / f"{name}.md").write_text(text, "utf-8")
    return [folder / f"{name}.md" for name in pages]


def _list_facts(contract: Contract) -> Iterator[tuple[str, str]]:
    yield "grain", contract.grain
    yield "key", ", ".join(f"`{name}`" for name in contract.key)
    yield "owner", ", ".join(contract.owners)
    yield "fresh", f"at most {contract.freshness_hours:g} hours old"
    if contract.error_budget is not None:
        yield "quarantine", f"`{quarantine_address(contract)}`"
        yield "error budget", f"{contract.error_budget:.4g} of what is read may be refused and open"
    if contract.landed_columns:
        drift = contract.drift
        yield (
            "schema drift",
            f"unknown column: {drift.unknown_column}; missing column: {drift.missing_column}; "
            f"changed type: {drift.changed_type}",
        )


def _describe_column(column: Column) -> tuple[str, ...]:
    meaning = column.description if column.logic is None else f"{column.description} Made as: {column.logic}."
    tags = f" ({', '.join(column.tags)})" if column.tags else ""
    spelled = f"{column.type} (spells {column.spells})" if column.spells else column.type
    origins = ", ".join(f"`{source}`" for source in column.sources)
    reference = f" → `{column.references}`" if column.references else ""
    return (
        f"`{column.name}`",
        spelled,
        "no" if column.required else "yes",
        meaning + tags,
        origins + reference,
    )


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


def _tabulate(header: Sequence[str], rows: Iterator[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(header)} |"
    yield f"| {' | '.join('---' for _ in header)} |"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"


if __name__ == "__main__":
    write_pages(Path(sys.argv[1]))
