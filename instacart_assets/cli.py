"""The command ``instacart``: a thin entry point for people.

Defines what can be typed and where it leads. Every command does its work elsewhere and imports it only when
it is called, so that ``--help`` answers at once. An error that a person can mend is shown as its message alone.
"""

import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from instacart_assets.errors import RemediableError

app = typer.Typer(
    name="instacart",
    help="A lakehouse of grocery sales: from landed CSV files to Delta tables for BI.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


quarantine = typer.Typer(help="Inspect refused rows, and replay corrected ones.", no_args_is_help=True)
app.add_typer(quarantine, name="quarantine")


class Format(StrEnum):
    """How the result is printed."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


Landing = Annotated[
    Path | None,
    typer.Option(help="Folder of the landed files.", envvar="INSTACART_LANDING", show_default="data/landing"),
]
Lake = Annotated[
    str | None,  # a path would lose a slash of a URL
    typer.Option(help="Folder or URL of the lake.", envvar="INSTACART_LAKE", show_default="data/lake"),
]


@app.command()
def generate(
    users: Annotated[
        int, typer.Option(help="How many customers; the public files hold 206,209.", min=1)
    ] = 2_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same files.", min=0)] = 1,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for the files.", show_default="the landing folder", file_okay=False),
    ] = None,
    world: Annotated[
        str, typer.Option(help="How hard the true effects are to find.", metavar="plain|usual|harsh")
    ] = "usual",
) -> None:
    """Generate files in the public layout, with customers and promotions whose true effects are known.

    The truth about promotions, and about products that bring people back, is written beside the folder, never into it.
    """
    with _speak_plainly():
        from instacart_assets import console
        from instacart_assets.contracts.load import contracts_of
        from instacart_assets.landing.generated import check_may_generate, mark_generated
        from instacart_assets.synthetic.generate import generate as generate_files

        settings = _settings(landing=out)
        check_may_generate(settings.landing, (contract.name for contract in contracts_of("bronze")))
        with console.view_work(f"generating {users:,} customers") as view:
            made = generate_files(
                users,
                seed,
                settings.landing,
                calendar=settings.calendar,
                world=world,
                on_progress=view.show,
            )
        mark_generated(made.landing, made.rows)
        console.print_generated(made)


@app.command()
def land(
    origin: Annotated[
        Path, typer.Argument(help="Folder, ZIP archive or CSV file to land.", metavar="PATH|ZIP")
    ],
    landing: Landing = None,
) -> None:
    """Copy downloaded files into the landing folder and verify every one of them."""
    with _speak_plainly():
        from instacart_assets import console
        from instacart_assets.contracts.load import contracts_of
        from instacart_assets.landing.generated import remove_generated
        from instacart_assets.landing.land import land_files
        from instacart_assets.places import for_python, is_remote

        contracts = {contract.name: contract for contract in contracts_of("bronze")}
        settings = _settings(landing=landing)
        if is_remote(settings.landing):
            _land_remotely(origin, settings, contracts)
            return
        folder = for_python(settings.landing)
        with console.err.status("landing") as status:

            def begin(name: str) -> None:
                # Only where there is something to land.
                if removed := remove_generated(folder):
                    console.print_note(f"removed the generated files of {folder}: {', '.join(removed)}")
                status.update(f"landing {name}")

            copies = land_files(origin, folder, contracts, on_file=begin, on_ignored=_note_ignored)
        console.print_landed(copies)


def _land_remotely(origin: Path, settings: Any, contracts: Any) -> None:
    from instacart_assets import console
    from instacart_assets.databricks.land import land_remotely
    from instacart_assets.databricks.workspace import connect

    workspace = connect(settings.databricks.outage_seconds)
    with console.view_work(f"landing in {settings.landing}") as view:
        copies = land_remotely(
            origin, settings.landing, contracts, workspace, on_ignored=_note_ignored, on_progress=view.show
        )
    console.print_landed([sent.copy for sent in copies])
    unchanged = [sent.copy.path.name for sent in copies if not sent.is_sent]
    if unchanged:
        console.print_note(f"already there, and not sent again: {', '.join(unchanged)}")


def _note_ignored(name: str) -> None:
    from instacart_assets import console

    console.print_note(f"ignored, as no source has its name: {name}")


@app.command()
def preflight(landing: Landing = None, lake: Lake = None) -> None:
    """Check in seconds whether a run can succeed on the configured target, and say how to fix what is wrong.

    The target is set by INSTACART_TARGET. For Databricks that is credentials, cluster, versions, access mode,
    policy, libraries, and every place that is read or written.
    """
    with _speak_plainly():
        from instacart_assets import console
        from instacart_assets.databricks.preflight import find_faults, run_preflight

        settings = _settings(landing=landing, lake=lake)
        with console.err.status("checking") as status:
            outcomes = run_preflight(settings, on_check=lambda name: status.update(f"checking {name}"))
        console.print_preflight(outcomes)
        if find_faults(outcomes):
            raise typer.Exit(1)


@app.command()
def run(
    landing: Landing = None,
    lake: Lake = None,
    select: Annotated[
        str | None,
        typer.Option(
            help="Tables to build, as silver.orders, +gold.dim_product (with its sources) or group:gold.",
            show_default="every table",
        ),
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Rebuild silver and gold from bronze, whatever has changed.")
    ] = False,
    as_of: Annotated[
        str | None,
        typer.Option(
            help="Rebuild silver and gold from bronze as it was at a moment, as 2026-11-23 or 2026-11-23T18:30+01:00.",
            metavar="MOMENT",
        ),
    ] = None,
) -> None:
    """Ingest what has landed since the last run, and build every table that depends on it, sources first.

    A table is published if it passes its checks. What has not changed is passed over.
    """
    with _speak_plainly():
        from instacart_assets import console
        from instacart_assets.runs import run_graph

        settings = _settings(landing=landing, lake=lake, full=full or None, as_of=_read_moment(as_of))
        with console.view_run() as view:
            done = run_graph(settings, select, view.show, view.start)
        console.print_run(done)
        if not done.is_success:
            raise typer.Exit(1)


@app.command()
def withdraw(
    files: Annotated[
        list[str], typer.Argument(help="Files, by their names below the landing folder.", metavar="FILE…")
    ],
    landing: Landing = None,
    lake: Lake = None,
) -> None:
    """Withdraw landed files: the next run removes their rows. A file that is merely deleted keeps its rows."""
    with _speak_plainly():
        from instacart_assets import console
        from instacart_assets.contracts.load import contracts_of
        from instacart_assets.landing.withdrawn import withdraw_files
        from instacart_assets.tables.notes import read_held_files

        held_in = _open_lake(lake)
        held = {
            name: file.fingerprint
            for contract in contracts_of("bronze")
            for name, file in read_held_files(held_in, contract.address).items()
        }
        names = withdraw_files(_settings(landing=landing).landing, files, held)
        console.print_note(f"withdrawn: {', '.join(names)}; remove their rows with: instacart run")


@app.command()
def watch(
    landing: Landing = None,
    lake: Lake = None,
    every: Annotated[float, typer.Option(help="Seconds between two polls.", min=0.1)] = 5.0,
    available_now: Annotated[
        bool, typer.Option("--available-now", help="Ingest what is there, and stop.")
    ] = False,
) -> None:
    """Ingest files as they land, until stopped: wait until they are complete, build what depends on them, poll again.

    Stops after the run in progress on Ctrl-C or SIGTERM.
    """
    with _speak_plainly():
        from instacart_assets import console
        from instacart_assets.automation.folders import open_folder
        from instacart_assets.automation.watch import stop_on_signals
        from instacart_assets.automation.watch import watch as watch_folder
        from instacart_assets.graph import all_tables

        settings = _settings(landing=landing, lake=lake)
        tables = all_tables()
        sources = [table.contract.name for table in tables if table.contract.landed_columns]
        with stop_on_signals() as stop:
            console.print_note(f"watching {settings.landing}")
            is_good = watch_folder(
                open_folder(settings, sources),
                tables,
                lambda drop, selection: _take_in(settings, drop, selection),
                every=every,
                stop=stop,
                is_available_now=available_now,
                on_problem=console.print_error,
            )
        console.print_note("stopped" if stop.is_set() else "everything is ingested")
        if available_now and not is_good:
            raise typer.Exit(1)


def _take_in(settings: Any, drop: Any, selection: str) -> bool:
    """Build what a drop changes; an error that a person can fix is shown, and the next drop is ingested all the same."""
    from instacart_assets import console
    from instacart_assets.runs import run_graph

    console.print_note(f"drop {drop.number}: {', '.join(drop.files)}")
    try:
        with console.view_run() as view:
            done = run_graph(settings, selection, view.show, view.start)
    except RemediableError as error:
        console.print_error(str(error))
        return False
    console.print_run(done)
    return done.is_success


@app.command()
def automation() -> None:
    """What runs automatically, in this environment and in the others; INSTACART_ENVIRONMENT chooses this one."""
    with _speak_plainly():
        from instacart_assets import console
        from instacart_assets.automation.environments import AUTOMATIONS
        from instacart_assets.settings import ENVIRONMENTS

        console.print_automations(AUTOMATIONS, ENVIRONMENTS, _settings().environment)


@app.command()
def query(
    sql: Annotated[
        str | None, typer.Argument(help="One Spark SQL query over tables named layer.table.", metavar="SQL")
    ] = None,
    *,
    file: Annotated[
        Path | None, typer.Option(help="File that holds the query.", exists=True, dir_okay=False)
    ] = None,
    lake: Lake = None,
    version: Annotated[
        list[str] | None,
        typer.Option(
            help="Read a table as a version of it, as gold.dim_product=3; give it again for more.",
            metavar="TABLE=N",
            show_default="as it stands now",
        ),
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option(
            help="Read every table as it stood at a moment, as 2026-11-23 (its beginning) or 2026-11-23T18:30 (UTC).",
            metavar="MOMENT",
            show_default="now",
        ),
    ] = None,
    limit: Annotated[int, typer.Option(help="Most rows to show; 0 for all.", min=0)] = 50,
    output: Annotated[Format, typer.Option("--format", help="How the answer is written.")] = Format.TABLE,
) -> None:
    """Ask the lake a question in SQL, as: instacart query "SELECT * FROM gold.dim_product"."""
    if (sql is None) == (file is None):
        raise typer.BadParameter("give a query, or --file with one")
    with _speak_plainly():
        asked = sql if file is None else _read_query(file)
        from instacart_assets import console
        from instacart_assets.lakehouse.query import run_query
        from instacart_assets.lakehouse.time_travel import parse_moment, parse_versions

        # One row more than is shown tells whether there are more.
        rows = run_query(
            _open_lake(lake),
            str(asked),
            limit + 1 if limit else None,
            versions=parse_versions(version or []),
            as_of=None if as_of is None else parse_moment(as_of),
        )
        shown = rows.slice(0, limit) if limit else rows
        _write_rows(shown, output)
        if rows.num_rows > shown.num_rows:
            console.print_note(f"the first {limit} rows; see more with --limit")


@app.command()
def report(
    lake: Lake = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="HTML file to write.",
            envvar="INSTACART_REPORT",
            show_default="data/report/index.html",
            dir_okay=False,
        ),
    ] = None,
    show: Annotated[bool, typer.Option("--open", help="Open it in a browser.")] = False,
) -> None:
    """Write the business report: questions answered in charts, in one self-contained HTML file."""
    with _speak_plainly():
        from datetime import UTC, datetime

        from instacart_assets import console
        from instacart_assets.answers.report import write_report

        with console.err.status("answering"):
            made = write_report(_open_lake(lake), _settings(report=out).report, datetime.now(UTC))
        console.print_report(made)
        if show:
            typer.launch(made.path.resolve().as_uri())


TableAddress = Annotated[str, typer.Argument(help="Table of the lake, as silver.orders.", metavar="TABLE")]


@app.command()
def versions(table: TableAddress, lake: Lake = None) -> None:
    """List the versions of a table: when, by which run, how many rows, and what happened."""
    with _speak_plainly():
        from instacart_assets import console
        from instacart_assets.lakehouse.time_travel import list_versions

        console.print_versions(list_versions(_open_lake(lake), table))


@app.command()
def restore(
    table: TableAddress,
    version: Annotated[int, typer.Option(help="The version to restore; see: instacart versions.", min=0)],
    lake: Lake = None,
) -> None:
    """Restore an earlier version of a table, in one commit; versions published since stay readable."""
    with _speak_plainly():
        from instacart_assets import console
        from instacart_assets.lakehouse.time_travel import restore_table

        made = restore_table(_open_lake(lake), table, version)
        console.print_note(f"{table}: version {made} has the rows of version {version}")


@app.command()
def maintain(
    lake: Lake = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would be done; nothing is changed.")
    ] = False,
) -> None:
    """Maintain the files of every table: compact small ones, vacuum what no version needs, write checkpoints."""
    with _speak_plainly():
        from instacart_assets import console
        from instacart_assets.lakehouse.lake import BY_HAND
        from instacart_assets.maintenance.keep import Keeper, list_faults

        keeper = Keeper(_open_lake(lake), _settings(lake=lake), BY_HAND, is_rehearsal=dry_run)
        with console.view_work("maintaining tables") as view:
            done = keeper.keep(on_progress=view.show)
        console.print_care(done)
        faults = list_faults(done)
        for fault in faults:
            console.print_error(fault)
        if faults:
            raise typer.Exit(1)


Refused = Annotated[
    str, typer.Argument(help="Table that refused the rows, as silver.orders.", metavar="TABLE")
]


@quarantine.command("list")
def list_quarantine(lake: Lake = None) -> None:
    """Count the rows that each table has refused, by reason."""
    with _speak_plainly():
        from instacart_assets import console
        from instacart_assets.graph import all_tables
        from instacart_assets.tables.desk import summarise_quarantine

        console.print_quarantine(summarise_quarantine(all_tables(), _open_lake(lake)))


@quarantine.command("show")
def show_quarantine(
    table: Refused,
    *,
    lake: Lake = None,
    reason: Annotated[str | None, typer.Option(help="Only rows that break this rule.")] = None,
    with_resolved: Annotated[bool, typer.Option("--all", help="Also rows that were resolved.")] = False,
    limit: Annotated[int, typer.Option(help="Most rows to show; 0 for all.", min=0)] = 50,
    output: Annotated[
        Format, typer.Option("--format", help="How the rows are printed; csv can be corrected and replayed.")
    ] = Format.TABLE,
) -> None:
    """Show the rows that a table has refused, as they landed, with the rules they break."""
    with _speak_plainly():
        from instacart_assets import console
        from instacart_assets.tables.desk import flatten_rows, read_quarantine

        rows = read_quarantine(
            _find_table(table), _open_lake(lake), reason=reason, with_resolved=with_resolved
        )
        held = flatten_rows(rows.limit(limit + 1) if limit else rows)
        shown = held.slice(0, limit) if limit else held
        if output is Format.TABLE:
            console.print_refused(shown)
        else:
            _write_rows(shown, output)
        if held.num_rows > shown.num_rows:
            console.print_note(f"the first {limit} rows; see more with --limit")


@quarantine.command("replay")
def replay_quarantine(
    table: Refused,
    corrected: Annotated[
        Path,
        typer.Argument(help="CSV of corrected rows, made from: show TABLE --format csv.", metavar="FILE"),
    ],
    lake: Lake = None,
    landing: Landing = None,
) -> None:
    """Land corrected rows as a new file; the originals are resolved, and the next run ingests the new ones."""
    with _speak_plainly():
        from instacart_assets import console
        from instacart_assets.tables.desk import replay_rows

        folder = _settings(landing=landing).landing
        console.print_replays(replay_rows(_find_table(table), corrected, _open_lake(lake), folder))


@quarantine.command("discard")
def discard_quarantine(
    table: Refused,
    row_ids: Annotated[list[str], typer.Argument(help="Rows to resolve, by row_id.", metavar="ROW_ID…")],
    lake: Lake = None,
) -> None:
    """Resolve rows that nobody needs; they stay in quarantine, and nothing is landed in their place."""
    with _speak_plainly():
        from instacart_assets import console
        from instacart_assets.tables.desk import discard_rows

        count = discard_rows(_find_table(table), row_ids, _open_lake(lake))
        console.print_note(f"{count} rows resolved as discarded")


@app.command()
def validate(
    lake: Lake = None,
    select: Annotated[
        list[str] | None, typer.Option(help="Table to validate; give it again for more.", show_default="all")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the pages.", file_okay=False)] = Path("data/docs"),
) -> None:
    """Validate the published tables again, and build Great Expectations' Data Docs of the results."""
    with _speak_plainly():
        from instacart_assets import console
        from instacart_assets.graph import all_tables
        from instacart_assets.tables.validate import validate_tables

        tables = [_find_table(address) for address in select] if select else list(all_tables())
        with console.view_work("validating") as view:
            report = validate_tables(tables, _open_lake(lake), out, on_progress=view.show)
        console.print_validation(report)
        if not report.is_success:
            raise typer.Exit(1)


def _find_table(address: str) -> Any:
    from instacart_assets.graph import all_tables
    from instacart_assets.tables.desk import QuarantineError

    tables = {table.address: table for table in all_tables()}
    if address not in tables:
        raise QuarantineError(f"{address} is no table; give one of {', '.join(tables)}")
    return tables[address]


def _open_lake(lake: str | None) -> Any:
    from instacart_assets.lakehouse.sessions import open_lake, open_session

    settings = _settings(lake=lake)
    return open_lake(settings, lambda: open_session(settings.target, settings.spark))


def _write_rows(rows: Any, output: Format) -> None:
    match output:
        case Format.TABLE:
            from instacart_assets import console

            console.print_rows(rows)
        case Format.CSV:
            from pyarrow import csv

            csv.write_csv(_spell_nested(rows), sys.stdout.buffer)
        case Format.JSON:
            import json

            named = rows.rename_columns(_number_names(rows.schema.names))
            json.dump(named.to_pylist(), sys.stdout, default=str, indent=2)
            sys.stdout.write("\n")


def _spell_nested(rows: Any) -> Any:
    """The rows with lists and structures as JSON, which is what CSV can hold of them."""
    import json

    import pyarrow as pa

    for place, column in enumerate(rows.schema):
        if pa.types.is_nested(column.type):
            values = rows.column(place).to_pylist()
            spelled = [None if value is None else json.dumps(value, default=str) for value in values]
            rows = rows.set_column(place, column.name, pa.array(spelled, pa.string()))
    return rows


def _number_names(names: Sequence[str]) -> list[str]:
    """The names of columns, with a number after one that was there before: an object has each name once."""
    taken: list[str] = []
    for name in names:
        number, spelled = 1, name
        while spelled in taken:
            number += 1
            spelled = f"{name}_{number}"
        taken.append(spelled)
    return taken


def _read_query(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RemediableError(f"{path}: is no UTF-8 text ({error}); save it as UTF-8") from error


def _read_moment(text: str | None) -> Any:
    if text is None:
        return None
    from instacart_assets.lakehouse.time_travel import parse_moment

    return parse_moment(text)


def _settings(**chosen: Any) -> Any:
    from instacart_assets.settings import load_settings

    return load_settings(**{name: value for name, value in chosen.items() if value is not None})


@contextmanager
def _speak_plainly() -> Iterator[None]:
    """Shows errors that a person can fix as their message, and keeps libraries' notices to developers quiet."""
    warnings.simplefilter("ignore")
    try:
        yield
    except RemediableError as error:
        _fail(str(error), error)
    except BrokenPipeError as error:
        # Whoever read the output has seen enough, and what is left in the buffer must not complain of it again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(1) from error
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _fail(f"{where}{error.strerror or error}; give another folder, or make this one usable", error)


def _fail(message: str, error: Exception) -> NoReturn:
    from instacart_assets import console

    console.print_error(message)
    raise typer.Exit(1) from error


if __name__ == "__main__":
    app()
