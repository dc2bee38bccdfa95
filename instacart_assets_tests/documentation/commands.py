"""Commands that pages show, and what is told below them."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import typer
from markdown_it import MarkdownIt

from instacart_assets.cli import app
from instacart_assets_tests.project_tree import ROOT

SHELL = {"", "sh"}
"""How a block of commands is marked; most pages mark it with nothing, and with ``console`` what stands for commands."""

ASSIGNMENT = re.compile(r"\w+=")
ENDS = {">", "|", "&&", ";", "&"}


@dataclass(frozen=True)
class Block:
    """A block of code on a page.

    Attributes:
        language: what it is marked with.
        text: what stands in it.
        remark: the comment right above it, which readers do not see.
    """

    language: str
    text: str
    remark: str = ""


def read_blocks(page: Path) -> Iterator[Block]:
    """The blocks of a page, in order."""
    remark = ""
    for token in MarkdownIt("commonmark").enable("table").parse(page.read_text("utf-8")):
        if token.type == "fence":
            yield Block(token.info.strip(), token.content, remark)
        remark = token.content.strip("<!-> \n") if token.type == "html_block" else ""


def list_commands(text: str) -> Iterator[list[str]]:
    """The words of each command of `instacart` and `make` in a block, without comments and what follows it."""
    for line in text.replace("\\\n", " ").splitlines():
        try:
            words = shlex.split(line.removeprefix("$ "), comments=True)
        except ValueError:  # a line of a document within the block
            continue
        while words and ASSIGNMENT.match(words[0]):
            words = words[1:]
        if words and Path(words[0]).name in {"instacart", "make"} and not line.startswith(" "):
            end = next((place for place, word in enumerate(words) if word in ENDS), len(words))
            yield [Path(words[0]).name, *words[1:end]]


def explain_refusal(words: list[str]) -> str | None:
    """Why a command cannot be one; None where it is understood."""
    if words[0] == "make":
        return _explain_target(words[1:])
    command: Any = typer.main.get_command(app)
    context = None
    name, rest = words[0], words[1:]
    try:
        while True:
            context = command.make_context(name, list(rest), parent=context)
            if not hasattr(command, "resolve_command"):
                return None
            name, command, rest = command.resolve_command(context, [*context._protected_args, *context.args])
    except Exception as error:  # noqa: BLE001 - whatever it says is why
        return None if type(error).__name__ == "Exit" else f"{type(error).__name__}: {error}"


@cache
def _list_targets() -> set[str]:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    return set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE)) | {".venv/.dev", ".venv/.runtime"}


def _explain_target(words: list[str]) -> str | None:
    targets = [word for word in words if "=" not in word and not word.startswith("-") and word != "…"]
    strange = [word for word in targets if word not in _list_targets()]
    return f"make has no target {', '.join(strange)}" if strange else None
