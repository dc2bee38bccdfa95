"""How runs, tables and errors look in a terminal.

Contains all text and colour that the command line prints around its data. Nothing is computed here.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:  # errors are shown even where the modules that raise them cannot be imported
    from instacart_assets.answers.report import WrittenReport
    from instacart_assets.automation.environments import Automation
    from instacart_assets.databricks.outcomes import Outcome
    from instacart_assets.lakehouse.care import Files
    from instacart_assets.lakehouse.time_travel import TableVersion
    from instacart_assets.landing.land import LandedCopy
    from instacart_assets.maintenance.keep import Care
    from instacart_assets.runs import GraphRun, TableRun
    from instacart_assets.settings import Environment
    from instacart_assets.synthetic.generate import GeneratedFiles
    from instacart_assets.tables.desk import QuarantineSummary, Replay
    from instacart_assets.tables.validate import ValidationReport

MARKS = {
    "waiting": ("·", "dim"),
    "running": ("…", "cyan"),
    "published": ("✓", "green"),
    "failed": ("✗", "bold red"),
    "skipped": ("-", "yellow"),
    "passed": ("✓", "green"),
    "warned": ("!", "yellow"),
}

CARE_STYLES = {"done": "green", "due": "cyan", "busy": "yellow", "failed": "red"}

NARROWEST_COLUMN = 5
"""Column width in characters below which a column is unreadable."""

# What landed may hold brackets and colons, which are no instructions.
out = Console(markup=False, emoji=False)
err = Console(stderr=True, markup=False, emoji=False)


class RunView:
    """Live view of a run: a line per finished table, and a progress bar below with those being built."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._bar = progress.add_task("starting", total=None)
        self._running: list[str] = []

    def start(self, addresses: list[str]) -> None:
        """Show how many tables there are to build."""
        self._progress.update(self._bar, total=len(addresses))

    def show(self, table: "TableRun") -> None:
        """Show a table's new state."""
        if table.address in self._running:
            self._running.remove(table.address)
        if table.state == "running":
            self._running.append(table.address)
        elif table.state in {"published", "failed", "skipped"}:
            self._progress.console.print(_describe_run(table))
            self._progress.advance(self._bar)
        self._progress.update(self._bar, description=", ".join(self._running) or "")


@contextmanager
def view_run() -> Iterator[RunView]:
    """Live progress of a run on standard error, so that standard output stays for results."""
    columns = (
        SpinnerColumn(),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=err, transient=True) as progress:
        yield RunView(progress)


@contextmanager
def view_work(title: str) -> Iterator["WorkView"]:
    """Live progress of work in steps on standard error."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True) as progress:
        yield WorkView(progress, title)


class WorkView:
    """Live view of work in steps."""

    def __init__(self, progress: Progress, title: str) -> None:
        self._progress = progress
        self._bar = progress.add_task(title, total=None)

    def show(self, done: int, total: int) -> None:
        """Show how much is done."""
        self._progress.update(self._bar, completed=done, total=total)


def print_run(run: "GraphRun") -> None:
    """Print the summary of a run: a table of tables, then what failed and why."""
    out.print()
    table = Table(
        title=f"run {run.run_id}",
        title_justify="left",
        header_style="bold",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        show_edge=False,
    )
    table.add_column("table", no_wrap=True)
    table.add_column("rows", justify="right", no_wrap=True)
    table.add_column("seconds", justify="right", no_wrap=True)
    table.add_column("checks", no_wrap=True)
    table.add_column("state", no_wrap=True)
    for built in run.tables:
        mark, style = MARKS[built.state]
        table.add_row(
            built.address,
            "" if built.rows is None else f"{built.rows:,}",
            "" if built.seconds is None else f"{built.seconds:.1f}",
            _count_checks(built),
            Text(f"{mark} {_say_state(built)}", style if built.is_news else "dim"),
        )
    out.print(table)
    for built in run.tables:
        if built.error is not None:
            print_error(f"{built.address}: {built.error}")
        for note in built.notes:
            print_note(f"{built.address}: {note}")


def print_report(made: "WrittenReport") -> None:
    """Print where the report is, and which questions it could not answer."""
    out.print(
        f"{made.path}  ({made.charts} charts, {made.size / 1e6:.1f} MB)", highlight=False, soft_wrap=True
    )
    for name in made.without_rows:
        print_note(f"no row answers {name}")


def print_generated(made: "GeneratedFiles") -> None:
    """Print what was generated, one line per file."""
    table = Table(
        title=f"{made.users:,} customers, seed {made.seed}, in the {made.world} world",
        title_justify="left",
        header_style="bold",
        box=SIMPLE_HEAD,
    )
    table.add_column("file", no_wrap=True)
    table.add_column("records", justify="right")
    for name, records in made.rows.items():
        table.add_row(str(made.landing / name), f"{records:,}")
    out.print(table)
    out.print(f"the truth about the promotions: {made.truth}", soft_wrap=True)
    out.print(f"the products that bring people back: {made.drivers}", soft_wrap=True)


def print_landed(copies: Sequence["LandedCopy"]) -> None:
    """Print what was landed, one line per file."""
    table = Table(header_style="bold", box=SIMPLE_HEAD)
    table.add_column("file", no_wrap=True)
    table.add_column("records", justify="right")
    table.add_column("malformed", justify="right")
    table.add_column("bytes", justify="right")
    table.add_column("public file", no_wrap=True)
    for copy in copies:
        public = "yes" if copy.is_public else "no"
        table.add_row(str(copy.path), f"{copy.records:,}", f"{copy.malformed:,}", f"{copy.bytes:,}", public)
    out.print(table)


def print_preflight(outcomes: Sequence["Outcome"]) -> None:
    """Print the preflight checks of a run: a line per check, then how to fix those that did not pass."""
    table = Table(header_style="bold", box=SIMPLE_HEAD)
    table.add_column("check", no_wrap=True)
    table.add_column("state", no_wrap=True)
    table.add_column("seen", overflow="fold")
    for outcome in outcomes:
        mark, style = MARKS[outcome.state]
        table.add_row(outcome.check, Text(f"{mark} {outcome.state}", style), Text(outcome.seen))
    out.print(table)
    for outcome in outcomes:
        if outcome.remedy:
            mark, style = MARKS[outcome.state]
            out.print(Text.assemble((f"{mark} {outcome.check}: ", style), outcome.remedy), soft_wrap=True)


def print_automations(
    automations: Sequence["Automation"], environments: Sequence["Environment"], current: "Environment"
) -> None:
    """Print what runs automatically in which environment, one line each; the current environment is highlighted."""
    table = Table(header_style="bold", box=SIMPLE_HEAD)
    table.add_column("name", no_wrap=True)
    table.add_column("kind", no_wrap=True)
    for environment in environments:
        is_here = environment == current
        table.add_column(
            f"▸ {environment}" if is_here else environment, style="" if is_here else "dim", no_wrap=True
        )
    table.add_column("what it does")
    for one in automations:
        states = ("on" if one.is_on(environment) else "off" for environment in environments)
        table.add_row(one.name, one.kind, *states, one.purpose)
    out.print(table)
    out.print(f"this is {current}; another one: INSTACART_ENVIRONMENT", style="dim")


def print_quarantine(summaries: Sequence["QuarantineSummary"]) -> None:
    """Print what was refused, one line per table that refused anything."""
    held = [summary for summary in summaries if summary.open or summary.resolved]
    if not held:
        out.print("nothing was refused" if summaries else "no table was built yet: instacart run")
        return
    table = Table(header_style="bold", box=SIMPLE_HEAD)
    table.add_column("table", no_wrap=True)
    table.add_column("open", justify="right")
    table.add_column("resolved", justify="right")
    table.add_column("open rows by reason")
    for summary in held:
        reasons = "\n".join(f"{count:,} {reason}" for reason, count in summary.reasons.items())
        style = "yellow" if summary.open else "dim"
        table.add_row(summary.table, Text(f"{summary.open:,}", style), f"{summary.resolved:,}", Text(reasons))
    out.print(table)
    out.print("inspect them: instacart quarantine show TABLE", style="dim")


def print_replays(replays: Sequence["Replay"]) -> None:
    """Print the files that corrected rows were landed as."""
    for replay in replays:
        out.print(f"landed {replay.rows:,} corrected rows as {replay.path}", soft_wrap=True)
    out.print("ingest them: instacart run", style="dim")


def print_validation(report: "ValidationReport") -> None:
    """Print the result of validating the published tables: one line per table, then the broken rules."""
    table = Table(header_style="bold", box=SIMPLE_HEAD)
    table.add_column("table", no_wrap=True)
    table.add_column("version", justify="right")
    table.add_column("expectations", justify="right")
    table.add_column("broken")
    for found in report.tables:
        style = "red" if found.broken else "green"
        table.add_row(
            found.address,
            str(found.version),
            str(found.expectations),
            Text(", ".join(found.broken) or "none", style),
        )
    out.print(table)
    out.print(f"the pages: {report.index}", soft_wrap=True)


def print_care(done: Sequence["Care"]) -> None:
    """Print what maintenance did, one line per operation on a table; those not due are only counted."""
    told = [care for care in done if care.state not in {"not due", "nothing to do"}]
    table = Table(header_style="bold", box=SIMPLE_HEAD)
    table.add_column("table", no_wrap=True)
    table.add_column("operation", no_wrap=True)
    table.add_column("state", no_wrap=True)
    for name in ("files before", "files after", "bytes removed"):
        table.add_column(name, justify="right")
    table.add_column("spared", overflow="fold")
    for care in told:
        table.add_row(
            care.address,
            care.operation,
            Text(care.state, CARE_STYLES.get(care.state, "")),
            _count_files(care.before),
            _count_files(care.after),
            f"{care.removed.bytes:,}" if care.removed.count else "",
            Text(care.spared),
        )
    if told:
        out.print(table)
    rest = len(done) - len(told)
    out.print(f"{rest} operation(s) on tables had nothing to do or are not due yet", style="dim")


def _count_files(files: "Files | None") -> str:
    return "" if files is None else f"{files.count:,}"


def print_versions(versions: Sequence["TableVersion"]) -> None:
    """Print the versions of a table, newest first."""
    table = Table(header_style="bold", box=SIMPLE_HEAD)
    table.add_column("version", justify="right")
    table.add_column("moment (UTC)", no_wrap=True)
    table.add_column("run", no_wrap=True)
    table.add_column("rows", justify="right", no_wrap=True)
    table.add_column("what happened")
    for version in versions:
        table.add_row(
            str(version.version),
            f"{version.moment:%Y-%m-%d %H:%M:%S}",
            version.run_id,
            "" if version.rows is None else f"{version.rows:,}",
            Text(version.what if version.is_readable else f"{version.what}; no longer kept"),
            style=None if version.is_readable else "dim",
        )
    out.print(table)


def print_rows(rows: pa.Table, title: str | None = None) -> None:
    """Print the rows of an answer, numbers right-aligned; one field per line where the terminal is too narrow."""
    table = Table(
        title=title, title_justify="left", header_style="bold", box=SIMPLE_HEAD, padding=(0, 1, 0, 0)
    )
    for field in rows.schema:
        is_number = pa.types.is_integer(field.type) or pa.types.is_floating(field.type)
        table.add_column(
            field.name,
            justify="right" if is_number else "left",
            no_wrap=is_number,
            overflow="fold",
            min_width=len(field.name),
        )
    answers = _describe_rows(rows)
    for answer in answers:
        table.add_row(*answer)
    if not answers:
        out.print("no rows")
    elif sum(max(len(name), NARROWEST_COLUMN) + 2 for name in rows.schema.names) > out.width:
        _print_stacked(rows.schema.names, answers)
    else:
        out.print(table)


def print_refused(rows: pa.Table) -> None:
    """Print refused rows with one field per line, as each of them is read by a person."""
    answers = _describe_rows(rows)
    if not answers:
        out.print("no rows")
    _print_stacked(rows.schema.names, answers)


def _print_stacked(names: Sequence[str], answers: Sequence[Sequence[str]]) -> None:
    for answer in answers:
        out.print(_stack_fields(names, answer))


def _stack_fields(names: Sequence[str], answer: Sequence[str]) -> Table:
    """One row as a column of names and values."""
    stacked = Table(box=SIMPLE_HEAD, show_header=False)
    stacked.add_column(style="bold", no_wrap=True)
    stacked.add_column(overflow="fold")
    for name, value in zip(names, answer, strict=True):
        stacked.add_row(name, value)
    return stacked


def print_note(message: str) -> None:
    """Print a note on standard error."""
    err.print(Text(message, "dim"))


def print_error(message: str) -> None:
    """Print what is wrong and how to fix it on standard error."""
    err.print(Text.assemble(("✗ ", "bold red"), message), soft_wrap=True)


def _describe_run(table: "TableRun") -> Text:
    mark, style = MARKS[table.state]
    size = "" if table.rows is None else f"{table.rows:>12,} rows"
    time = "" if table.seconds is None else f"{table.seconds:>7.1f} s"
    return Text.assemble(
        (f"{mark} ", style),
        f"{table.address:<34}{size:<18}{time:<10} ",
        _count_checks(table),
        (f" {_shorten_names(table.failed_checks)}", _style_failures(table)),
    )


def _say_state(table: "TableRun") -> str:
    """The final state of a table, and how many of its rows changed."""
    if table.state != "published":
        return table.state
    if not table.is_news:
        return "unchanged"
    added, removed = table.changed or (0, 0)
    counts = [f"{sign}{count:,}" for sign, count in (("+", added), ("-", removed)) if count]
    return " ".join(["published", *counts])


def _count_checks(table: "TableRun") -> Text:
    if not table.checks:
        return Text("")
    if table.failed_checks:
        return Text(f"{len(table.failed_checks)} of {table.checks} failed", _style_failures(table))
    return Text(f"{table.checks} passed", "green")


def _style_failures(table: "TableRun") -> str:
    # If the table was published, only non-blocking checks failed.
    return "yellow" if table.state == "published" else "red"


def _shorten_names(names: Sequence[str], most: int = 2) -> str:
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest


def _describe_rows(rows: pa.Table) -> list[list[str]]:
    # By position: two columns may have one name.
    names, columns = rows.schema.names, [column.to_pylist() for column in rows.columns]
    return [
        [_describe_field(name, value) for name, value in zip(names, row, strict=True)]
        for row in zip(*columns, strict=True)
    ]


def _describe_field(name: str, value: Any) -> str:
    """The value in readable form; an identifier is not a quantity, so its digits are not grouped."""
    is_identifier = name.endswith("_id") and isinstance(value, int)
    return str(value) if is_identifier else _describe_value(value)


def _describe_value(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1 else f"{value:,.2f}".rstrip("0").removesuffix(".")
    if isinstance(value, str | date | datetime):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else str(value)
