"""Every command that a page shows exists and is typed rightly."""

from pathlib import Path

import pytest

from instacart_assets_tests.documentation.commands import SHELL, explain_refusal, list_commands, read_blocks
from instacart_assets_tests.project_tree import ROOT, list_files

COMMANDS = {
    page: [
        words
        for block in read_blocks(ROOT / page)
        if block.language in SHELL
        for words in list_commands(block.text)
    ]
    for page in list_files("*.md")
}


@pytest.fixture(autouse=True)
def _in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def test_commands_are_found_on_pages() -> None:
    assert ["make", "demo"] in COMMANDS[Path("README.md")]
    assert len(COMMANDS[Path("README.md")]) > 10


@pytest.mark.parametrize("page", [page for page, found in COMMANDS.items() if found], ids=str)
def test_every_command_of_a_page_is_understood(page: Path) -> None:
    refused = {" ".join(words): explain_refusal(words) for words in COMMANDS[page]}
    assert {command: why for command, why in refused.items() if why} == {}


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["make", "demos"], "no target demos"),
        (["instacart", "rum"], "rum"),
        (["instacart", "run", "--selects", "x"], "--selects"),
        (["instacart", "quarantine", "shows"], "shows"),
        (["instacart", "restore", "gold.dim_product"], "version"),
        (["instacart", "query", "--file", "examples/none.sql"], "none.sql"),
    ],
)
def test_a_command_that_cannot_be_is_refused(words: list[str], why: str) -> None:
    assert why in (explain_refusal(words) or "")


def test_what_stands_around_a_command_is_no_part_of_it() -> None:
    text = (
        "A=1 .venv/bin/instacart query \\\n  'SELECT 1' > a.csv   # why\n"
        "# instacart nothing\ncd x && make demo\nmake ui USERS=1\n"
    )
    assert list(list_commands(text)) == [["instacart", "query", "SELECT 1"], ["make", "ui", "USERS=1"]]
