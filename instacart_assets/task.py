"""The command of a Databricks task: builds or looks after tables with the session that its compute has.

Contains the door by which a table is built without a Dagster deployment, as a task of the native job, and with
one, as a task that Dagster's serverless client has submitted; and by which a job looks after the lake. Checks,
quarantine, publishing and maintenance are those of every other run. It needs neither the embedded engine nor anything
else that only a laptop has.
"""

import argparse
import os
import sys
import warnings
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from dagster_pipes import (
    PipesCliArgsParamsLoader,
    PipesParamsLoader,
    PipesUnityCatalogVolumesContextLoader,
    PipesUnityCatalogVolumesMessageWriter,
    open_dagster_pipes,
)

from instacart_assets.definitions import build_defs
from instacart_assets.errors import RemediableError
from instacart_assets.graph import all_tables
from instacart_assets.lakehouse.lake import Lakehouse
from instacart_assets.lakehouse.sessions import make_spark, open_lake
from instacart_assets.landing.files import survey
from instacart_assets.maintenance.keep import Keeper, list_faults
from instacart_assets.places import for_python
from instacart_assets.runs import select_tables
from instacart_assets.settings import Settings, load_settings
from instacart_assets.tables.assets import explain_block, table_address
from instacart_assets.tables.build import build_table
from instacart_assets.tables.declare import Table
from instacart_assets.tables.notes import find_held
from instacart_assets.tables.result import BuildResult, write_result

MESSAGE_SECONDS = 2.0
"""How often the messages so far are written for Dagster to read, in seconds."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Build the selected tables, or maintain all; exit with 1 when a table is not published or is damaged."""
    warnings.simplefilter("ignore")
    said, _ = _make_parser().parse_known_args(arguments)  # Dagster's client adds arguments of its own
    try:
        settings = _read_settings(dict(said.set))
        run_id = said.run_id or str(uuid4())
        if said.maintain:
            _end(is_good=_maintain(settings, run_id))
            return
        tables = _select(settings, said.select)
        pipes = PipesCliArgsParamsLoader()  # type: ignore[no-untyped-call] # the library has no types there
        if pipes.is_dagster_pipes_process():
            _build_for_dagster(tables, settings, said.landed, pipes)
        else:
            _end(is_good=_build_alone(tables, settings, run_id))
    except RemediableError as error:
        sys.exit(str(error))


def _end(*, is_good: bool) -> None:
    """Exit with 1 where something failed, else return: serverless compute takes any exit for a failure, also with 0."""
    if not is_good:
        sys.exit(1)


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="instacart-task", description=__doc__)
    asked = parser.add_mutually_exclusive_group(required=True)
    asked.add_argument("--select", help="tables, as silver.orders, +gold.dim_product or group:gold")
    asked.add_argument("--maintain", action="store_true", help="maintain the files of every table instead")
    parser.add_argument(
        "--set", action="append", default=[], type=_split_setting, metavar="NAME=VALUE",
        help="a setting, by the name of its environment variable; empty values are ignored",
    )  # fmt: skip
    parser.add_argument("--run-id", help="names the run in what it publishes")
    parser.add_argument(
        "--landed", nargs="*", default=[], help="bronze tables whose files are verified first"
    )
    return parser


def _split_setting(text: str) -> tuple[str, str]:
    name, mark, value = text.partition("=")
    if not mark:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def _read_settings(chosen: Mapping[str, str]) -> Settings:
    # Serverless compute takes no environment variables, so they come as arguments.
    os.environ.setdefault("INSTACART_TARGET", "databricks_remote")
    os.environ.update({name: value for name, value in chosen.items() if value})
    return load_settings()


def _select(settings: Settings, selection: str) -> list[Table]:
    tables = {table.address: table for table in all_tables()}
    selected = map(table_address, select_tables(build_defs(settings), selection))
    return [tables[address] for address in selected if address in tables]


def _open_lake(settings: Settings) -> Lakehouse:
    spark = make_spark(settings.target)
    return open_lake(settings, lambda: spark.spark_session)


def _build_alone(tables: Sequence[Table], settings: Settings, run_id: str) -> bool:
    """Build tables in the given order; those that depend on an unpublished one are skipped.

    Returns:
        Whether every table was published.
    """
    lake = _open_lake(settings)
    landed = [table.contract for table in tables if table.contract.landed_columns]
    survey(for_python(settings.landing), landed, find_held(lake, landed))
    missing: set[str] = set()
    for table in tables:
        if missing & set(table.dependencies):
            missing.add(table.address)
            _say(f"- {table.address}: skipped, as it is made of a table that was not published")
            continue
        try:
            result = build_table(table, lake, settings, run_id)
        except RemediableError as error:
            missing.add(table.address)
            _say(f"✗ {table.address}: {error}")
            continue
        if result.version is None:
            missing.add(table.address)
        _say_result(result)
    return not missing


def _maintain(settings: Settings, run_id: str) -> bool:
    """Do the maintenance that is due for every table, and say whether all of it succeeded.

    A table that a run is working on is left for the next time.
    """
    done = Keeper(_open_lake(settings), settings, run_id).keep()
    for care in done:
        said = f"{care.removed.count:,} files removed" if care.removed.count else care.spared
        _say(f"{care.address}: {care.operation}: {care.state}{said and f' ({said})'}")
    faults = list_faults(done)
    for fault in faults:
        _say(f"✗ {fault}")
    return not faults


def _say_result(result: BuildResult) -> None:
    address = result.contract.address
    if result.version is None:
        _say(f"✗ {address}: {explain_block(result)}")
        return
    failed = ", ".join(outcome.rule.id for outcome in result.outcomes if not outcome.passed)
    _say(
        f"✓ {address}: {result.rows:,} rows as version {result.version} in {result.seconds:.1f} s, "
        f"{len(result.outcomes)} checks{failed and f', failed: {failed}'}"
    )


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _build_for_dagster(
    tables: Sequence[Table], settings: Settings, landed: Sequence[str], loader: PipesParamsLoader
) -> None:
    """Build one table, and send the result to the Dagster that requested it."""
    (table,) = tables
    contracts = {known.address: known.contract for known in all_tables()}
    with open_dagster_pipes(
        context_loader=PipesUnityCatalogVolumesContextLoader(),
        message_writer=PipesUnityCatalogVolumesMessageWriter(interval=MESSAGE_SECONDS),
        params_loader=loader,
    ) as pipes:
        try:
            lake, verified = _open_lake(settings), [contracts[address] for address in landed]
            survey(for_python(settings.landing), verified, find_held(lake, verified))
            result = build_table(table, lake, settings, pipes.run_id)
            said: Mapping[str, Any] = {"result": write_result(result)}
        except RemediableError as error:
            said = {"refused": str(error)}
        pipes.report_custom_message(said)


if __name__ == "__main__":
    main()
