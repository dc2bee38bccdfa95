"""Validates the published tables of a lake again, outside any run.

Defines how to check published tables against their contracts, for somebody who doubts a table or inherits a lake:
the same rules as before publishing, on the published rows. Nothing in the lake is changed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from instacart_assets.contracts.rules import compile_rules, consulted_tables
from instacart_assets.lakehouse.lake import Lakehouse
from instacart_assets.quality.audit import Evidence, bind_rules
from instacart_assets.quality.data_docs import DataDocs
from instacart_assets.tables.declare import Table
from instacart_assets.tables.lost import read_lost_lines, read_lost_rows
from instacart_assets.tables.notes import read_past, was_public


@dataclass(frozen=True)
class TableValidation:
    """What the validation of one table found.

    Attributes:
        address: the table.
        version: its Delta version.
        expectations: how many were evaluated.
        broken: names of the rules that are broken.
    """

    address: str
    version: int
    expectations: int
    broken: tuple[str, ...]


@dataclass(frozen=True)
class ValidationReport:
    """What a validation found.

    Attributes:
        tables: one per published table.
        index: the start page.
    """

    tables: tuple[TableValidation, ...]
    index: Path

    @property
    def is_success(self) -> bool:
        """Whether no table breaks a rule."""
        return not any(table.broken for table in self.tables)


def validate_tables(
    tables: Sequence[Table],
    lake: Lakehouse,
    out: Path,
    on_progress: Callable[[int, int], object] = max,
) -> ValidationReport:
    """Check published tables against their contracts, and write Data Docs of the results.

    Args:
        tables: the tables to check; those never published are skipped.
        lake: the lake that holds them.
        out: folder for the pages.
        on_progress: called with how many tables are done, and how many there are.
    """
    docs = DataDocs(out)
    published = [table for table in tables if lake.find_version(table.address) is not None]
    found = []
    for number, table in enumerate(published):
        on_progress(number, len(published))
        found.append(_validate(table, lake, docs))
    on_progress(len(published), len(published))
    return ValidationReport(tuple(found), docs.build())


def _validate(table: Table, lake: Lakehouse, docs: DataDocs) -> TableValidation:
    contract = table.contract
    rows = lake.read(table.address)
    evidence = Evidence(
        tables={address: lake.read(address) for address in consulted_tables(contract)},
        refused=read_lost_rows(table, lake, is_open=True),
        lines=read_lost_lines(table, lake),
        past=read_past(lake, table.address),
        is_public=was_public(lake, [table.address]),
    )
    rules = bind_rules(rows, [rule for rule in compile_rules(contract) if rule.scope != "counts"], evidence)
    broken = docs.validate(rows, contract, rules)
    return TableValidation(table.address, lake.find_version(table.address) or 0, len(rules), tuple(broken))
