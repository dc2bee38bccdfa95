"""Generates one page for all tables of refused rows: they differ only in their landed columns."""

from collections.abc import Sequence

from docs.compiler.markdown import link_table, list_words, tabulate
from instacart_assets.contracts.model import LAYER_DESCRIPTIONS, QUARANTINE, Column, Contract
from instacart_assets.contracts.quarantine import quarantine_of
from instacart_assets.tables.declare import Table


def document_quarantine(tables: Sequence[Table]) -> str:
    """The page of all tables of refused lines and rows, in Markdown."""
    kept = {
        table.address: quarantine_of(table.contract, table.landed)
        for table in tables
        if table.contract.has_quarantine
    }
    lines = {origin: contract for origin, contract in kept.items() if "text" in contract.column_names}
    rows = {origin: contract for origin, contract in kept.items() if origin not in lines}
    shared = set.intersection(*(set(contract.columns) for contract in rows.values()))
    return "\n".join(
        [
            "# Quarantine",
            "",
            LAYER_DESCRIPTIONS[QUARANTINE],
            "Each is built in the same step as the table that refuses the rows. How to inspect and replay them: "
            "[replay refused rows](../how-to/replay_refused_rows.md).",
            "",
            "## Malformed lines",
            "",
            next(iter(lines.values())).grain,
            "",
            *tabulate(
                ("table", "lines of"), [(f"`{one.address}`", link_table(of)) for of, one in lines.items()]
            ),
            "",
            *_tabulate_columns(next(iter(lines.values())).columns),
            "",
            "## Refused rows",
            "",
            next(iter(rows.values())).grain + " As it landed: every landed column is text.",
            "",
            *tabulate(
                ("table", "refused by", "landed columns"),
                [(f"`{one.address}`", link_table(of), _list_landed(one, shared)) for of, one in rows.items()],
            ),
            "",
            *_tabulate_columns([column for column in next(iter(rows.values())).columns if column in shared]),
            "",
        ]
    )


def _list_landed(contract: Contract, shared: set[Column]) -> str:
    return list_words(f"`{column.name}`" for column in contract.columns if column not in shared)


def _tabulate_columns(columns: Sequence[Column]) -> list[str]:
    rows = (
        (f"`{column.name}`", column.type, "no" if column.required else "yes", column.description)
        for column in columns
    )
    return list(tabulate(("column", "type", "null", "meaning"), rows))
