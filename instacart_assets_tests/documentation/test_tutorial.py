"""The tutorial, done as it stands there: every command is run, and what it shows below them comes out.

What depends on how many customers there are is compared only where there are as many as in the tutorial: in the proof.
"""

import os
import re
import shlex
import subprocess
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from deltalake import DeltaTable
from typer.testing import CliRunner

from instacart_assets.cli import app
from instacart_assets_tests.documentation.commands import SHELL, Block, list_commands, read_blocks
from instacart_assets_tests.faults.proof import IS_PROOF, scale
from instacart_assets_tests.project_tree import ROOT, copy_project, run_make

pytestmark = pytest.mark.slow

PAGE = ROOT / "docs/tutorial/from_clone_to_answer.md"
BLOCKS = list(read_blocks(PAGE))
USERS = scale(200, 2_000)
OF_ALL = "of 2,000 customers"
"""The remark above what comes out only of as many customers as the tutorial has."""

NO_HOUR = "25"
OPEN_ORDERS = "SELECT count(*) AS n FROM quarantine.orders WHERE resolved_at IS NULL"


@dataclass(frozen=True)
class Done:
    """The tutorial, done: where, and each block of what is shown with what the commands above it told."""

    project: Path
    shown: list[tuple[Block, str]]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Done]:
    project = copy_project(tmp_path_factory.mktemp("tutorial"))
    told, shown = "", []
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project)
        for block in BLOCKS:
            if block.language == "sh":
                told = "".join(map(run_command, split_commands(block.text)))
            elif block.language == "text":
                shown.append((block, told))
        yield Done(project, shown)


def split_commands(text: str) -> list[str]:
    """The commands of a block; one that a shell reads to its end is one."""
    return [text] if "<<" in text else text.splitlines()


def run_command(command: str) -> str:
    """What a command tells: one of the project's own in this process, whose engine it then shares."""
    program = Path(command.split(maxsplit=1)[0])
    if program.name == "git":  # a copy of the project is at hand
        return ""
    if program.name == "make":
        return "".join(map(run_command, plan_make(command.split()[1:])))
    if program.name == "instacart":
        return run_instacart(command)
    done = subprocess.run(["bash", "-euc", command], check=True, capture_output=True, text=True)
    return done.stdout


def plan_make(words: list[str]) -> list[str]:
    """The commands that make would run."""
    planned = run_make(Path.cwd(), "--dry-run", *words, f"USERS={USERS}")
    assert planned.returncode == 0, planned.stderr
    return planned.stdout.replace("\\\n", " ").splitlines()


def run_instacart(command: str) -> str:
    (words,) = [[os.path.expanduser(word) for word in words] for words in list_commands(command)]  # noqa: PTH111 - as a shell does
    with warnings.catch_warnings():
        told = CliRunner(env={"COLUMNS": "100"}).invoke(app, words[1:])
    assert told.exit_code == 0, f"{command}\n{told.output}"
    _, is_kept, file = command.partition(" > ")
    if is_kept:
        Path(shlex.split(file, comments=True)[0]).write_text(told.stdout, "utf-8")
    return told.output


def find_missing(expected: str, told: str) -> list[str]:
    """Lines that were not told in this order; … stands for anything, and any space for any other."""
    lines = iter([" ".join(line.split()) for line in told.splitlines()])
    missing = []
    for line in expected.splitlines():
        pattern = ".*".join(re.escape(" ".join(part.split())) for part in line.split("…"))
        if pattern and not any(re.fullmatch(pattern, one) for one in lines):
            missing.append(line)
    return missing


def test_what_the_tutorial_shows_comes_out(done: Done) -> None:
    compared = [(block, told) for block, told in done.shown if block.remark != OF_ALL or IS_PROOF]
    assert len(compared) > len(done.shown) / 2
    missing = {block.text: find_missing(block.text, told) for block, told in compared}
    assert {text: lines for text, lines in missing.items() if lines} == {}


@pytest.mark.usefixtures("done")
def test_the_python_of_the_page_on_connections_reads_the_lake() -> None:
    blocks = [
        block.text for block in read_blocks(ROOT / "docs/how-to/connect.md") if block.language == "python"
    ]
    tried = [text for text in blocks if "duckdb" not in text]
    assert len(tried) == len(blocks) - 1
    read: dict[str, Any] = {}
    for text in tried:
        exec(text, read)  # noqa: S102 - the page's own lines
    departments = run_instacart("instacart query 'SELECT count(*) AS n FROM silver.departments' --format csv")
    assert len(read["trends"]) == int(departments.splitlines()[1])
    assert len(read["as_it_was"]) < len(DeltaTable("data/lake/gold/dim_product").to_pandas())
    assert {"lift", "lift_ci_low"} <= set(read["promotion_performance"].columns)


def test_what_was_not_told_is_found() -> None:
    told = "a   table\n1 row of 34 s\nlast"
    assert find_missing("a table\n\n1 row of … s", told) == []
    assert find_missing("last\na table", told) == ["a table"]
    assert find_missing("2 rows", told) == ["2 rows"]


def test_commands_of_the_readme_end_well(done: Done, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The download is the landing folder with an order that is refused, and corrected where a person would."""
    monkeypatch.setenv("HOME", str(tmp_path))
    pack_download(done.project / "data/landing", tmp_path / "Downloads/instacart.zip")
    commands = [
        line
        for block in read_blocks(ROOT / "README.md")
        if block.language in SHELL
        for line in block.text.splitlines()
        if any(words[0] == "instacart" for words in list_commands(line))
    ]
    assert len(commands) > 9
    refused = None
    for command in commands:
        run_instacart(command)
        if "> mend.csv" in command:
            refused = Path("mend.csv").read_text("utf-8")
            Path("mend.csv").write_text(refused.replace(f'"{NO_HOUR}"', '"23"'), "utf-8")
    assert refused is not None
    assert f'"{NO_HOUR}"' in refused
    still = run_instacart(f"instacart query '{OPEN_ORDERS}' --format csv")
    assert still.splitlines()[1] == "0"


def pack_download(landing: Path, archive: Path) -> None:
    """Pack the public files of a landing folder, the first order at an hour that no day has."""
    archive.parent.mkdir()
    with ZipFile(archive, "w") as packed:
        for file in landing.glob("*.csv"):
            header, first, *others = file.read_text("utf-8").splitlines()
            if file.name == "orders.csv":
                cells = first.split(",")
                cells[header.split(",").index("order_hour_of_day")] = NO_HOUR
                first = ",".join(cells)
            if file.name != "promotions.csv":
                packed.writestr(file.name, "\n".join([header, first, *others, ""]))
