"""Generates the page of the command line, from typer's own documentation of it."""

import re
from collections.abc import Iterator

import typer
from typer.cli import get_docs_for_click

from instacart_assets.cli import app

NAME = "instacart"

HEAD = """\
# Command line

`.venv/bin/instacart`, or `instacart` where the environment is active. This page is generated from the commands (`make
pages`). A command exits with 0 when all went well, with 1 when something failed that you can fix, and with 2 when it was used
wrongly; the message says what to do. A Databricks task has its own command, `instacart-task` ([the bundle](../how-to/bundle.md)).
"""

LISTED = re.compile(r"^\* `([\w-]+)`: ", re.MULTILINE)
"""A line in the list of commands, which typer truncates after a few words."""


def document_commands() -> str:
    """The page of all commands with their arguments and options, in Markdown."""
    command = typer.main.get_command(app)
    told = get_docs_for_click(obj=command, ctx=typer.Context(command), name=NAME, title=NAME)
    pages = dict(_part_headings(told.replace("&gt;", ">").replace("&lt;", "<")))
    lines = [HEAD]
    for heading, text in pages.items():
        # The first heading is the program's, which the head of this page replaces; its list of commands is kept.
        lines.append(
            f"{heading}\n{_complete_list(heading, text, pages)}"
            if heading.startswith("##")
            else _complete_list(f"## `{NAME}`", text, pages)
        )
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).rstrip() + "\n"


def _part_headings(text: str) -> Iterator[tuple[str, str]]:
    parts = re.split(r"^(#+ .*)\n", text, flags=re.MULTILINE)
    yield from zip(parts[1::2], parts[2::2], strict=True)


def _complete_list(heading: str, text: str, pages: dict[str, str]) -> str:
    """The text with the whole first line of each listed command in place of its truncation."""
    words = heading.strip("# `").split()

    def tell(line: str) -> str:
        found = LISTED.match(line)
        if found is None:
            return line
        said = next(
            (text for known, text in pages.items() if known.strip("# `").split() == [*words, found[1]]), None
        )
        return line if said is None else f"{found[0]}{said.strip().splitlines()[0]}"

    return "\n".join(map(tell, text.splitlines()))
