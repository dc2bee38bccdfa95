"""Pages compiled from contracts, graph, commands and settings: what is kept is what they say."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import typer
from pydantic import BaseModel

from docs.compiler.commands import document_commands
from docs.compiler.pages import compile_pages
from docs.compiler.tables import document_table
from docs.compiler.variables import document_variables
from instacart_assets.cli import app
from instacart_assets.contracts.load import load_contracts
from instacart_assets.contracts.quarantine import quarantine_of
from instacart_assets.contracts.rules import compile_rules
from instacart_assets.definitions import build_defs
from instacart_assets.graph import all_tables
from instacart_assets.settings import Settings
from instacart_assets.tables.assets import asset_key, table_address
from instacart_assets_tests.project_tree import ROOT

ADDRESSES = sorted(load_contracts())
TABLES = {table.address: table for table in all_tables()}


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return compile_pages()


@pytest.fixture(scope="module")
def graph() -> Any:
    return build_defs().resolve_asset_graph()


def read_fact(page: str, name: str) -> str:
    """What a page says of a fact; nothing where it says nothing."""
    return next((line for line in page.splitlines() if line.startswith(f"- **{name}:**")), "")


def list_mentioned(line: str) -> set[str]:
    """Addresses in backticks."""
    return set(line.split("`")[1::2])


def list_sources(cell: str) -> set[str]:
    """The columns that a cell names, those of a table behind its address."""
    found = set()
    for part in cell.partition(" →")[0].split("; "):
        address, *names = part.split("`")[1::2] or [""]
        found |= {f"{address}.{name}" for name in names}
    return found


def test_the_pages_that_are_kept_are_those_that_are_compiled(pages: dict[str, str]) -> None:
    kept = {name: (ROOT / "docs" / name).read_text("utf-8") for name in pages}
    assert kept == pages, "write them anew: make pages"
    tables = {f"tables/{path.name}" for path in (ROOT / "docs/tables").glob("*.md")}
    assert tables <= pages.keys()


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_page_names_every_column_and_every_rule_with_its_severity(
    address: str, pages: dict[str, str]
) -> None:
    contract = load_contracts()[address]
    lines = pages[f"tables/{address}.md"].splitlines()
    for column in contract.columns:
        (line,) = (line for line in lines if line.startswith(f"| `{column.name}` | {column.type}"))
        assert list_sources(line.split(" | ")[-1]) == set(column.sources), column.name
    for rule in compile_rules(contract):
        assert any(line.startswith(f"| `{rule.id}` | {rule.severity} |") for line in lines), rule.id
    assert f"- **grain:** {contract.grain}" in lines


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_page_says_what_dagster_loads(address: str, pages: dict[str, str], graph: Any) -> None:
    page, node = pages[f"tables/{address}.md"], graph.get(asset_key(address))
    upstream = list_mentioned(read_fact(page, "made of") + read_fact(page, "held against"))
    assert upstream == {table_address(key) for key in node.parent_keys}
    downstream = {table_address(key) for key in node.child_keys} & TABLES.keys()
    told = list_mentioned(read_fact(page, "goes into"))
    assert told <= downstream
    assert downstream - told == {
        one
        for one in downstream
        if address in list_mentioned(read_fact(pages[f"tables/{one}.md"], "held against"))
    }
    rules = [line.split("`")[1] for line in page.partition("| rule |")[2].splitlines()[2:] if line]
    assert set(rules) == {key.name for key in node.check_keys}
    assert read_fact(page, "owner") == f"- **owner:** {', '.join(node.owners)}"
    window = node.freshness_policy.fail_window.to_timedelta()
    assert read_fact(page, "fresh") == f"- **fresh:** at most {window / timedelta(hours=1):g} hours old"


def test_a_measure_says_whether_it_adds_up(pages: dict[str, str]) -> None:
    page = pages["tables/gold.customer_segments.md"]
    assert "| column | type | null | adds up | meaning | from |" in page
    assert "| `units` | bigint | no | yes |" in page
    assert "| `recency_days` | bigint | yes | no |" in page
    assert "adds up" not in pages["tables/gold.dim_product.md"]


def test_a_page_says_where_each_column_goes() -> None:
    page = document_table(TABLES["silver.departments"], list(TABLES.values()))
    (line,) = (line for line in page.splitlines() if line.startswith("| `department` | [`"))
    assert "[`silver.products`](silver.products.md): `department`" in line
    assert "[`gold.dim_product`]" not in line, "it has the name from silver.products"


def test_every_table_of_refused_rows_is_on_their_page(pages: dict[str, str]) -> None:
    page = pages["tables/quarantine.md"]
    for table in TABLES.values():
        if table.contract.has_quarantine:
            kept = quarantine_of(table.contract, table.landed)
            assert f"| `{kept.address}` |" in page
            assert {name for name in kept.column_names if f"`{name}`" not in page} == set(), kept.address


def test_the_index_and_the_service_levels_have_a_row_for_every_table(pages: dict[str, str]) -> None:
    for name in ("tables/index.md", "reference/service_levels.md"):
        assert [address for address in ADDRESSES if f"| [`{address}`](" not in pages[name]] == []


def list_commands(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    yield name, command
    for part in getattr(command, "commands", {}).values():
        yield from list_commands(part, f"{name} {part.name}")


def test_every_command_and_every_option_is_on_the_page_of_commands() -> None:
    page = document_commands()
    for name, command in list_commands(typer.main.get_command(app), "instacart"):
        # The page itself is about the program.
        heading = "# Command line" if name == "instacart" else f"## `{name}`"
        said = page.partition(f"{heading}\n")[2].partition("\n## ")[0]
        assert said, name
        options = [word for option in command.params for word in option.opts if word.startswith("--")]
        assert [word for word in options if f"`{word}" not in said] == [], name
    assert "..." not in page.replace("...`", "").replace("[ARGS]...", "").replace("}...", ""), "cut off"


def list_variables(group: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in group.model_fields.items():
        kind: Any = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from list_variables(kind, f"{prefix}{name.upper()}__")
        else:
            yield f"{prefix}{name.upper()}"


def test_every_setting_is_on_the_page_of_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    page, names = document_variables(), list(list_variables(Settings, "INSTACART_"))
    assert [name for name in names if f"| `{name}` |" not in page] == []
    assert page.count("| `INSTACART_") == len(names)
    # The names are those that are read.
    monkeypatch.setenv("INSTACART_CALENDAR__WINDOW_WEEKS", "7")
    assert "INSTACART_CALENDAR__WINDOW_WEEKS" in names
    assert Settings().calendar.window_weeks == 7
