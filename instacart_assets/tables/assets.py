"""Tables as Dagster assets: one software-defined asset per contract, and one for the rows it refuses.

Contains the translation of contracts into Dagster's terms: keys, specs, checks, metadata, failures. How a table
is built is in ``build.py``; which tables there are is in ``definitions.py``.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, Protocol

import dagster as dg

from instacart_assets.contracts.model import LANDING, QUARANTINE, Column, Contract, Rule
from instacart_assets.contracts.quarantine import quarantine_address, quarantine_of
from instacart_assets.contracts.rules import compile_rules
from instacart_assets.errors import RemediableError
from instacart_assets.quality.outcomes import RuleOutcome
from instacart_assets.tables.declare import Table
from instacart_assets.tables.refusals import QuarantineState
from instacart_assets.tables.result import BuildResult


class Builder(Protocol):
    """What builds a table: an engine that this process reaches, or a remote service."""

    def build(
        self, table: Table, landed: Sequence[Contract], context: dg.AssetExecutionContext
    ) -> BuildResult:
        """Build and publish the next version of a table.

        Args:
            table: the table.
            landed: bronze tables of the run, whose landed files are all verified before the first is read.
            context: the context of the step.
        """


def asset_key(address: str) -> dg.AssetKey:
    """The asset key of ``layer.table``."""
    return dg.AssetKey(address.split("."))


def table_address(key: dg.AssetKey) -> str:
    """The address ``layer.table`` of an asset key."""
    return ".".join(key.path)


def step_of(address: str) -> str:
    """The key of the step that builds the table at ``layer.table``, and the name of its pool with one slot."""
    return address.replace(".", "__")


def find_table(step_key: str) -> str:
    """The address of the table that a step builds."""
    return step_key.replace("__", ".", 1)


def explain_failure(event: dg.DagsterEvent) -> str:
    """Why a step failed, as a readable message."""
    failure = event.step_failure_data
    if failure.user_failure_data is not None and failure.user_failure_data.description:
        return failure.user_failure_data.description
    error = failure.error
    if error is None:
        return "failed without a message"
    return (error.cause or error).message.strip()


def build_landed_assets(contracts: Iterable[Contract]) -> list[dg.AssetSpec]:
    """The landed sources of bronze contracts as external assets: shown in the graph, produced elsewhere."""
    return [
        dg.AssetSpec(
            key=[LANDING, contract.name],
            description=(
                f"Landed file {contract.name}.csv, or a folder {contract.name}/ of such files"
                f"{', which may be absent' if contract.is_optional else ''}. {contract.grain}"
            ),
            group_name=LANDING,
            kinds={"csv", "file"},
            owners=list(contract.owners),
            tags={"layer": LANDING, "domain": contract.domain},
            metadata={"dagster/column_schema": _describe_schema(contract.landed_columns, ())},
        )
        for contract in contracts
    ]


def build_assets(tables: Sequence[Table]) -> list[dg.AssetsDefinition]:
    """The asset of each table.

    Before the first landed file of a run is read, the files of all bronze tables in the run are verified: a run on a
    broken drop (a batch of newly landed files) writes nothing.
    """
    landed = {asset_key(table.address): table.contract for table in tables if table.contract.landed_columns}
    return [_build_asset(table, landed) for table in tables]


def _build_asset(table: Table, landed: Mapping[dg.AssetKey, Contract]) -> dg.AssetsDefinition:
    contract = table.contract

    @dg.multi_asset(
        name=step_of(table.address),
        pool=step_of(table.address),
        specs=[describe_table(table), *([describe_quarantine(table)] if contract.has_quarantine else [])],
        check_specs=[_describe_check(rule, contract) for rule in compile_rules(contract)],
    )
    def materialise(
        context: dg.AssetExecutionContext,
        builder: dg.ResourceParam[Builder],
        pyspark_step_launcher: dg.ResourceParam[Any],  # noqa: ARG001 - Dagster launches the step where there is one
    ) -> Iterator[Any]:
        try:
            selected = _select_landed(context, landed) if contract.landed_columns else []
            result = builder.build(table, selected, context)
        except RemediableError as error:
            # The message says all there is to know; a retry would meet the same files and tables.
            raise dg.Failure(description=str(error), allow_retries=False) from error
        yield from report(result)

    return materialise


def _select_landed(
    context: dg.AssetExecutionContext, landed: Mapping[dg.AssetKey, Contract]
) -> list[Contract]:
    selected = context.job_def.asset_layer.selected_asset_keys
    return [contract for key, contract in landed.items() if key in selected]


def describe_table(table: Table) -> dg.AssetSpec:
    """The asset's definition, taken from the contract; its dependencies come from the function's parameters."""
    contract = table.contract
    return dg.AssetSpec(
        key=asset_key(contract.address),
        deps=[asset_key(address) for address in table.dependencies],
        description=f"{contract.description}\n\n**Grain:** {contract.grain}",
        group_name=contract.layer,
        kinds={"deltalake", "pyspark", contract.layer},
        owners=list(contract.owners),
        tags={"layer": contract.layer, "domain": contract.domain, **dict.fromkeys(contract.tags, "")},
        metadata=describe_contract(contract),
        freshness_policy=dg.FreshnessPolicy.time_window(
            fail_window=timedelta(hours=contract.freshness_hours)
        ),
    )


def describe_quarantine(table: Table) -> dg.AssetSpec:
    """The definition of the asset that holds a table's refused rows, built in the same step as the table."""
    contract = quarantine_of(table.contract, table.landed)
    return dg.AssetSpec(
        key=asset_key(contract.address),
        deps=[asset_key(address) for address in table.dependencies],
        description=f"{contract.description}\n\n**Grain:** {contract.grain}",
        group_name=QUARANTINE,
        kinds={"deltalake", QUARANTINE},
        owners=list(contract.owners),
        tags={"layer": QUARANTINE, "domain": contract.domain},
        metadata=describe_contract(contract),
    )


def describe_contract(contract: Contract) -> dict[str, Any]:
    """The contract as metadata that Dagster's catalog understands."""
    return {
        "dagster/table_name": contract.address,
        "dagster/column_schema": _describe_schema(contract.columns, contract.key),
        "dagster/column_lineage": dg.TableColumnLineage(
            {
                column.name: [_describe_source(source) for source in column.sources]
                for column in contract.columns
                if column.sources
            }
        ),
        "title": contract.title,
        "grain": contract.grain,
        "key": ", ".join(contract.key),
    }


def report(result: BuildResult) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
    """A build's result as Dagster events.

    Refused rows are reported first, and stay recorded whether or not the table is published. A published table yields a
    materialisation with its check results. A blocked one yields its check results and a failure: no materialisation is
    recorded, and nothing downstream runs.

    Raises:
        dagster.Failure: a blocking check failed.
    """
    contract = result.contract
    if result.quarantine is not None:
        yield _report_quarantine(result.quarantine, result)
    checks = [_report_check(outcome, result) for outcome in result.outcomes]
    if result.version is None:
        yield from checks
        raise dg.Failure(description=explain_block(result), metadata=_locate(result), allow_retries=False)
    yield dg.MaterializeResult(
        asset_key=asset_key(contract.address),
        data_version=dg.DataVersion(str(result.version)),
        check_results=checks,
        metadata={
            # The web UI shows them in this order.
            **{name: dg.MetadataValue.md(drawn) for name, drawn in result.charts.items()},
            **_preview(result),
            "dagster/row_count": result.rows,
            **_count_failures(result),
            "seconds": round(result.seconds, 3),
            "is_news": result.is_news,
            "delta_version": result.version,
            **result.notes,
            **_locate(result),
            **describe_contract(contract),
        },
    )


def _describe_check(rule: Rule, contract: Contract) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        name=rule.id,
        asset=asset_key(contract.address),
        description=rule.description,
        blocking=rule.severity == "block",
        metadata={"severity": rule.severity, "dimension": rule.dimension, "condition": rule.condition},
    )


def _report_quarantine(state: QuarantineState, result: BuildResult) -> dg.MaterializeResult[Any]:
    return dg.MaterializeResult(
        asset_key=asset_key(state.contract.address),
        data_version=dg.DataVersion(str(state.version)),
        metadata={
            **describe_contract(state.contract),
            "dagster/row_count": state.rows,
            "delta_version": state.version,
            "open": state.open,
            "added": state.added,
            "look": f"instacart quarantine show {result.contract.address}",
        },
    )


def _report_check(outcome: RuleOutcome, result: BuildResult) -> dg.AssetCheckResult:
    is_error = outcome.blocks or outcome.rule.severity == "block"
    metadata: dict[str, Any] = {"severity": outcome.rule.severity, **outcome.observed}
    if outcome.sample:
        metadata["failing_sample"] = dg.MetadataValue.md(_tabulate(outcome.sample))
    if not outcome.passed:
        metadata.update(_locate(result))
        if outcome.rule.severity == "reject":
            metadata["quarantine"] = quarantine_address(result.contract)
    return dg.AssetCheckResult(
        asset_key=asset_key(result.contract.address),
        check_name=outcome.rule.id,
        passed=outcome.passed,
        severity=dg.AssetCheckSeverity.ERROR if is_error else dg.AssetCheckSeverity.WARN,
        description=outcome.rule.description,
        metadata=metadata,
    )


def explain_block(result: BuildResult) -> str:
    """Why a table was not published: the blocking checks that failed, with the observed values."""
    failed = [outcome for outcome in result.outcomes if outcome.blocks]
    lines = [
        f"  {outcome.rule.id}: {outcome.rule.description} "
        f"({', '.join(f'{name} {_show(value)}' for name, value in outcome.observed.items())})"
        for outcome in failed
    ]
    kept = "no version" if result.kept is None else f"version {result.kept}"
    return "\n".join(
        [
            f"not published, readers still see {kept}: {len(failed)} blocking check(s) failed",
            *lines,
            f"  look at the refused candidate in {result.candidate}, mend its sources and run again",
        ]
    )


def _locate(result: BuildResult) -> dict[str, Any]:
    """The run, and where to find the candidate that it did not publish."""
    found: dict[str, Any] = {"run_id": result.run_id}
    if result.version is None:
        found["candidate"] = dg.MetadataValue.path(str(result.candidate))
    return found


def _count_failures(result: BuildResult) -> dict[str, int]:
    """Numbers that the web UI plots over runs, in addition to rows and seconds."""
    refused = {} if result.quarantine is None else {"refused_open": result.quarantine.open}
    return {"checks_failed": sum(not outcome.passed for outcome in result.outcomes), **refused}


def _preview(result: BuildResult) -> dict[str, Any]:
    return {"preview": dg.MetadataValue.md(_tabulate(result.preview))} if result.preview else {}


def _tabulate(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as a Markdown table."""
    names = list(rows[0])
    lines = [names, ["---"] * len(names), *([_show(row[name]) for name in names] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _show(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value).replace("|", "\\|")


def _describe_schema(columns: Iterable[Column], key: Sequence[str]) -> dg.TableSchema:
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=column.name,
                type=column.type,
                description=_explain_column(column),
                constraints=dg.TableColumnConstraints(
                    nullable=not column.required, unique=list(key) == [column.name]
                ),
                tags=dict.fromkeys(column.tags, ""),
            )
            for column in columns
        ]
    )


def _explain_column(column: Column) -> str:
    return column.description if column.logic is None else f"{column.description} Made as: {column.logic}"


def _describe_source(source: str) -> dg.TableColumnDep:
    table, _, column = source.rpartition(".")
    return dg.TableColumnDep(asset_key=asset_key(table), column_name=column)
