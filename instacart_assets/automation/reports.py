"""What Dagster's event log says about tables: which failed, which checks failed, which are late.

Contains the reading of events, in the order they were written and each of them once; when they raise an alert is in
``alerts.py``. Runs of every entry point are read: the daemon, ``instacart run``, ``instacart watch``, the web UI.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import dagster as dg
from dagster._core.definitions.freshness import FreshnessState, FreshnessStateChange
from dagster._core.event_api import RunStatusChangeRecordsFilter

from instacart_assets.automation.alerts import Alert, Finding
from instacart_assets.contracts.model import Contract
from instacart_assets.maintenance.assets import MAINTENANCE_JOB, OWNERS
from instacart_assets.tables.assets import asset_key, explain_failure, find_table, table_address

Events = dg.DagsterEventType

MOST_EVENTS = 200
"""Events of a kind that one poll reads; the rest waits for the next."""

LOCATED = frozenset({"severity", "failing_sample", "run_id", "candidate", "quarantine"})
"""Metadata of a check that say where something is, not what was observed."""

RUN = "the run reaches its end"
BUILD = "the table is built"
FRESHNESS = "freshness"


@dataclass(frozen=True)
class RunReport:
    """What became of the tables of a run that ended.

    Attributes:
        run: the run.
        place: position of the event that ended it, in the event log.
        failures: why a table failed, by its address.
        others: why a step that builds no table failed, by its name: a step of maintenance, or the report.
        built: addresses of the tables that were built.
        checks: the last evaluation of each rule.
    """

    run: dg.DagsterRun
    place: int
    failures: Mapping[str, str] = field(default_factory=dict)
    others: Mapping[str, str] = field(default_factory=dict)
    built: frozenset[str] = frozenset()
    checks: tuple[dg.AssetCheckEvaluation, ...] = ()


def find_last_place(instance: dg.DagsterInstance) -> int:
    """Position at which the history of ended runs ends now."""
    ends = [
        record.storage_id
        for kind in (Events.RUN_FAILURE, Events.RUN_SUCCESS)
        for record in instance.fetch_run_status_changes(kind, limit=1).records
    ]
    return max(ends, default=-1)


def read_runs(instance: dg.DagsterInstance, place: int, addresses: Iterable[str]) -> Iterator[RunReport]:
    """The runs that ended after a position in the event log, in order; cancelled ones are left out."""
    known = frozenset(addresses)
    for at, run_id in _list_ends(instance, place):
        run = instance.get_run_by_id(run_id)
        if run is None:  # it was deleted
            continue
        try:
            report = _read_run(instance, run, at, known)
        except Exception as error:  # noqa: BLE001 - an unreadable run is reported, and hides none after it
            report = RunReport(run, at, others={"events of the run": f"cannot be read: {error!r}"})
        yield report


def _list_ends(instance: dg.DagsterInstance, place: int) -> list[tuple[int, str]]:
    """Position and run of each end, up to the first position at which the limit cut a kind off."""
    found: list[tuple[int, str]] = []
    bound: int | None = None
    for kind in (Events.RUN_FAILURE, Events.RUN_SUCCESS):
        wanted = RunStatusChangeRecordsFilter(kind, after_storage_id=place)
        records = instance.fetch_run_status_changes(wanted, limit=MOST_EVENTS, ascending=True).records
        found += [(record.storage_id, record.run_id) for record in records]
        if len(records) == MOST_EVENTS:
            bound = min(records[-1].storage_id, bound or records[-1].storage_id)
    return sorted(one for one in found if bound is None or one[0] <= bound)


def _read_run(
    instance: dg.DagsterInstance, run: dg.DagsterRun, place: int, known: frozenset[str]
) -> RunReport:
    failures: dict[str, str] = {}
    others: dict[str, str] = {}
    built: set[str] = set()
    checks: dict[dg.AssetCheckKey, dg.AssetCheckEvaluation] = {}
    kinds = {Events.STEP_FAILURE, Events.STEP_SUCCESS, Events.ASSET_CHECK_EVALUATION}
    for record in instance.get_records_for_run(run.run_id, of_type=kinds).records:
        event = record.event_log_entry.dagster_event
        if event is None or event.step_key is None:
            continue
        address = find_table(event.step_key)
        is_table = address in known
        name, failed = (address, failures) if is_table else (event.step_key, others)
        if event.event_type == Events.STEP_FAILURE:
            failed[name] = explain_failure(event)
        elif event.event_type == Events.STEP_SUCCESS:
            failed.pop(name, None)  # it was retried
            built |= {name} if is_table else set()
        elif is_table:
            evaluation = event.asset_check_evaluation_data
            checks[evaluation.asset_check_key] = evaluation
    return RunReport(run, place, failures, others, frozenset(built), tuple(checks.values()))


def judge_run(report: RunReport, contracts: Mapping[str, Contract]) -> Iterator[Finding]:
    """Whether each table of a run was built, and whether the run finished.

    A failed table is reported with the rules that blocked it. A failed run without a failed table failed in maintenance
    or in the report, or it broke off: its process was killed or never started.
    """
    run = report.run
    for address in sorted(report.built):
        yield Finding(address, BUILD, None, run.run_id, contracts[address].owners)
    for address, reason in report.failures.items():
        broken = [
            check.check_name
            for check in report.checks
            if table_address(check.asset_key) == address and _blocks(check)
        ]
        owners = contracts[address].owners
        problem = Alert(
            "failed",
            address,
            ", ".join(broken) or BUILD,
            reason,
            owners,
            f"mend what it names, then: instacart run --select {address}+",
            run.run_id,
        )
        yield Finding(address, BUILD, problem, run.run_id, owners)
    yield _judge_end(report, contracts)


def _judge_end(report: RunReport, contracts: Mapping[str, Contract]) -> Finding:
    run = report.run
    subject = f"run of {run.job_name}"
    selected = [table_address(key) for key in run.asset_selection or ()]
    named = [contracts[address] for address in selected if address in contracts]
    # A run without a selection builds everything in its job.
    is_whole = not selected and run.job_name != MAINTENANCE_JOB
    meant = list(contracts.values()) if is_whole else named
    owners = tuple(sorted({owner for contract in meant for owner in contract.owners})) or OWNERS
    if report.others:
        owners = OWNERS
    if report.failures or (run.is_success and not report.others):
        return Finding(subject, RUN, None, run.run_id, owners)
    return Finding(subject, RUN, _describe_end(report, subject, meant, owners), run.run_id, owners)


def _describe_end(
    report: RunReport, subject: str, meant: Iterable[Contract], owners: tuple[str, ...]
) -> Alert:
    if report.others:
        observed = "; ".join(f"{name}: {reason}" for name, reason in report.others.items())
        remedy = "mend what it names, and run it again"
    else:
        tables = ", ".join(sorted(contract.address for contract in meant)) or "no table"
        observed = f"it broke off before any table failed; it was to build {tables}"
        remedy = "look at the end of the run's log, and run it again"
    return Alert("failed", subject, RUN, observed, owners, remedy, report.run.run_id)


def judge_checks(report: RunReport, contracts: Mapping[str, Contract]) -> Iterator[Finding]:
    """Whether each rule holds, except those that blocked their table.

    ``judge_run`` reports those, with the failed table.
    """
    for check in report.checks:
        address = table_address(check.asset_key)
        if address not in contracts or _blocks(check):
            continue
        owners = contracts[address].owners
        problem = None if check.passed else _describe_problem(check, address, owners, report.run.run_id)
        yield Finding(address, check.check_name, problem, report.run.run_id, owners)


def _blocks(check: dg.AssetCheckEvaluation) -> bool:
    return not check.passed and check.severity == dg.AssetCheckSeverity.ERROR


def _describe_problem(
    check: dg.AssetCheckEvaluation, address: str, owners: tuple[str, ...], run_id: str
) -> Alert:
    seen = ", ".join(f"{name} {value.value}" for name, value in check.metadata.items() if name not in LOCATED)
    said = f"{check.description or ''} ({seen})" if seen else check.description or "it does not hold"
    remedy = (
        f"instacart quarantine show {address} --reason {check.check_name}"
        if "quarantine" in check.metadata
        else "look at the check's sample in Dagster's web UI, and mend the source or the rule"
    )
    return Alert("check failed", address, check.check_name, said.strip(), owners, remedy, run_id)


def read_freshness(
    instance: dg.DagsterInstance, place: int, contracts: Mapping[str, Contract]
) -> tuple[int, list[Finding]]:
    """What changed since a position in the event log: tables that became late, and those that no longer are.

    Returns:
        The position read up to, and a finding for each change, in order.
    """
    wanted = dg.EventRecordsFilter(Events.FRESHNESS_STATE_CHANGE, after_cursor=max(place, 0))
    # The instance's own method is deprecated, and no other one reads this kind of event.
    records = instance.event_log_storage.get_event_records(wanted, limit=MOST_EVENTS, ascending=True)
    findings = []
    for record in records:
        event = record.event_log_entry.dagster_event
        change = event.event_specific_data if event else None
        if isinstance(change, FreshnessStateChange) and table_address(change.key) in contracts:
            findings += _judge_change(instance, change, contracts[table_address(change.key)])
    return (records[-1].storage_id if records else max(place, 0)), findings


def _judge_change(
    instance: dg.DagsterInstance, change: FreshnessStateChange, contract: Contract
) -> list[Finding]:
    if change.new_state == FreshnessState.PASS:
        return [Finding(contract.address, FRESHNESS, None, None, contract.owners)]
    if change.new_state != FreshnessState.FAIL:
        return []
    last = instance.get_latest_materialization_event(asset_key(contract.address))
    problem = Alert(
        "late",
        contract.address,
        FRESHNESS,
        f"it was last brought up to date more than {contract.freshness_hours:g} hours ago, which its contract does not allow",
        contract.owners,
        f"see that its sources land and that its runs succeed; build it: instacart run --select +{contract.address}",
        last.run_id if last else None,
    )
    return [Finding(contract.address, FRESHNESS, problem, None, contract.owners)]
