"""Pages compiled from contracts."""

from pathlib import Path

import pytest

from instacart_assets.contracts.document import document_table, write_pages
from instacart_assets.contracts.load import load_contracts
from instacart_assets.contracts.rules import compile_rules

PAGES = Path(__file__).parents[2] / "docs" / "tables"


def test_the_pages_that_are_kept_are_those_of_the_contracts(tmp_path: Path) -> None:
    written = {path.name: path.read_text("utf-8") for path in write_pages(tmp_path)}
    kept = {path.name: path.read_text("utf-8") for path in PAGES.glob("*.md")}
    assert kept == written, "write them anew: make pages"


@pytest.mark.parametrize("address", sorted(load_contracts()))
def test_a_page_names_every_column_and_every_rule_with_its_severity(address: str) -> None:
    contract = load_contracts()[address]
    lines = document_table(contract).splitlines()
    for column in contract.columns:
        assert any(line.startswith(f"| `{column.name}` | {column.type}") for line in lines), column.name
    for rule in compile_rules(contract):
        assert any(line.startswith(f"| `{rule.id}` | {rule.severity} |") for line in lines), rule.id
    assert f"- **grain:** {contract.grain}" in lines
