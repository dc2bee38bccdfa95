"""Each defect, injected into clean files alone, is caught by its rule, accounted for, and changes nothing else."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from instacart_assets.contracts.rules import ACCOUNTING_RULE, RECORDS_RULE, compile_rules
from instacart_assets.lakehouse.lake import CANDIDATE
from instacart_assets.landing.lines import is_blank, strip_end
from instacart_assets.synthetic.generate import generate
from instacart_assets_tests.dirt.defects import DEFECTS, Defect
from instacart_assets_tests.dirt.drop import KEYS, Drop, Key, Keys
from instacart_assets_tests.dirt.laboratory import Laboratory, Rows, Run, find_tables, order_tables
from instacart_assets_tests.faults.accounts import read_version

PROOF = os.environ.get("INSTACART_PROOF")
"""Folder for the report, read before tests put the environment aside."""

IS_THOROUGH = bool(PROOF) or os.environ.get("HYPOTHESIS_PROFILE") == "prove"
"""Whether all defects are tried; else one of each outcome for each source."""

TRIED = DEFECTS if IS_THOROUGH else {(one.source, one.outcome): one for one in reversed(DEFECTS)}.values()

CLEAN_RUN, DIRTY_RUN = "clean", "dirty"


@dataclass(frozen=True)
class Seen:
    """What readers have of a table: its version, and its rows in an order of their own."""

    version: int
    rows: list[str]


@pytest.fixture(scope="module")
def clean(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Laboratory:
    """A lake of clean files, in which every rule is kept."""
    folder = tmp_path_factory.mktemp("clean")
    generate(120, 7, folder / "landing", products=400)
    laboratory = Laboratory(folder, spark, Drop.read(folder / "landing"))
    run = laboratory.build(run_id=CLEAN_RUN)
    assert (run.broken, run.blocked, run.errors) == ({}, {}, {})
    assert not any(laboratory.read_refused(address) for address in run.results)
    return laboratory


@pytest.fixture(scope="module")
def readers(clean: Laboratory) -> dict[str, Rows]:
    """What readers of silver have by clean files."""
    return clean.read_silver()


@pytest.fixture(scope="module")
def report() -> Iterator[list[dict[str, Any]]]:
    """A list of what was found, written down in the end where the environment names a folder."""
    found: list[dict[str, Any]] = []
    yield found
    if PROOF:
        folder = Path(PROOF)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "dirt.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")


@pytest.mark.parametrize("defect", TRIED, ids=lambda defect: defect.name)
def test_a_defect_is_caught_by_its_rule_and_touches_nothing_else(
    defect: Defect,
    clean: Laboratory,
    readers: dict[str, Rows],
    tmp_path: Path,
    report: list[dict[str, Any]],
) -> None:
    spoilt = defect.inject(clean.drop)
    sources = find_changed(clean.drop, spoilt)
    assert defect.source in sources
    dirty = clean.copy_to(tmp_path, spoilt, sources, defect.clean_runs)
    before = look(dirty, [table.address for table in order_tables(sources)])
    run = dirty.build(sources, DIRTY_RUN)
    after = dirty.read_silver()
    report.append(describe(defect, run, dirty, readers, after))

    check_rules(defect, run)
    check_outcome(defect, run, dirty)
    check_counts(defect, run, dirty)
    check_versions(run, dirty, before)
    if defect.clean_runs > 1:
        assert before[defect.table].version == defect.clean_runs - 1
    assert compare(readers, after) == (
        drop_empty(defect.lost(clean.drop)),
        drop_empty(defect.changed(clean.drop)),
    )


def check_rules(defect: Defect, run: Run) -> None:
    """The rule that must be broken is, with those broken along, and no other."""
    expected = {table: set(names) for table, names in defect.consequences.items()}
    if defect.rule:
        expected.setdefault(defect.table, set()).update({defect.rule, *defect.along})
    assert run.broken == expected


def check_outcome(defect: Defect, run: Run, dirty: Laboratory) -> None:
    """What became of it is what was to become of it."""
    blocked = {defect.table: {defect.rule}} if defect.outcome == "blocked" else {}
    assert run.blocked == blocked
    if defect.outcome == "error":
        assert set(run.errors) == {f"bronze.{defect.source}"}
        (message,) = run.errors.values()
        assert defect.caught_by in message
        assert f"{dirty.settings.landing}/{defect.source}.csv" in message
    else:
        assert run.errors == {}
    if defect.outcome == "quarantined":
        refused = [row for row in dirty.read_refused(defect.table) if defect.rule in row["reasons"]]
        assert len(refused) == defect.records
        assert {row["status"] for row in refused} == {"open"}
    elif defect.outcome == "lines":
        assert len(dirty.read_refused(defect.table)) == defect.records
    elif defect.outcome == "warned":
        (rule,) = (
            rule for rule in compile_rules(find_tables()[defect.table].contract) if rule.id == defect.rule
        )
        assert rule.severity == "warn"
    elif defect.outcome in {"dropped", "harmless"}:
        assert not any(dirty.read_refused(address) for address in run.results)
    if defect.note:
        assert defect.note in run.results[defect.table].notes


def check_counts(defect: Defect, run: Run, dirty: Laboratory) -> None:
    """Every landed record is a row or a line in quarantine; every row read is somewhere."""
    repeats = {"duplicates": 0, "superseded": 0}
    for address, result in run.results.items():
        refused = len(dirty.read_refused(address))
        if result.version is not None:
            assert len(dirty.read(address)) == result.rows
        if address.startswith("bronze."):
            records = count_records(dirty, result.notes["landed_files"])
            assert records == result.rows + refused
            assert run.observe(address, RECORDS_RULE)["landed_records"] == records
        elif find_tables()[address].contract.refuses_rows:
            counts = run.observe(address, ACCOUNTING_RULE)
            read = sum(len(dirty.read(source)) for source in find_tables()[address].landed)
            assert (counts["rows_read"], counts["unaccounted"]) == (read, 0)
            assert (counts["written"], counts["quarantined"]) == (result.rows, refused)
            repeats = {name: count + counts[name] for name, count in repeats.items()}
            assert read == result.rows + refused + counts["duplicates"] + counts["superseded"]
    assert repeats == {"duplicates": defect.duplicates, "superseded": defect.superseded}


def check_versions(run: Run, dirty: Laboratory, before: Mapping[str, Seen]) -> None:
    """What changes has one more version; what does not, or was refused, has the version and the rows that it had.

    Beside what was refused lies its candidate, and nothing is made of it.
    """
    refused = {*run.blocked, *run.errors}
    after = look(dirty, before)
    for address, seen in before.items():
        dependencies = set(find_tables()[address].dependencies)
        is_made = address not in refused and not dependencies & {*refused, *run.skipped}
        assert (address in run.skipped) == (address not in refused and not is_made)
        is_changed = after[address].rows != seen.rows
        assert is_made or not is_changed, address
        assert after[address].version == seen.version + is_changed, address
        if is_made:
            assert run.results[address].version == after[address].version
        kept = [path.name for path in dirty.lake.list_candidates(address)]
        if address in run.blocked:
            candidate = run.results[address].candidate
            assert candidate is not None
            assert kept == [candidate.name]
            assert kept[0].startswith(f"{CANDIDATE}{DIRTY_RUN}-")
        else:
            assert kept == []


def look(laboratory: Laboratory, addresses: Iterable[str]) -> dict[str, Seen]:
    """What readers have of each table."""
    return {
        address: Seen(
            read_version(laboratory.settings.lake_folder, address),
            sorted(map(repr, laboratory.read(address))),
        )
        for address in addresses
    }


def find_changed(clean: Drop, spoilt: Drop) -> frozenset[str]:
    """Sources whose files are no longer the clean ones."""
    names = {
        name for name in {*clean.files, *spoilt.files} if clean.files.get(name) != spoilt.files.get(name)
    }
    return frozenset(name.split("/")[0].removesuffix(".csv") for name in names)


def count_records(dirty: Laboratory, names: list[str]) -> int:
    """Lines below the headers of files that are not blank; what is no longer landed was clean."""
    return sum(
        sum(not is_blank(strip_end(line)) for line in read_landed_lines(dirty, name)) - 1 for name in names
    )


def read_landed_lines(dirty: Laboratory, name: str) -> list[bytes]:
    path = dirty.settings.landing / name
    if not path.exists():
        return list(dirty.drop.files[name])
    with path.open("rb") as file:
        return file.readlines()


def compare(before: dict[str, Rows], after: dict[str, Rows]) -> tuple[Keys, Keys]:
    """Keys of rows that are gone, and of those that are new or otherwise, by table."""
    lost = {table: frozenset(before[table].keys() - after[table].keys()) for table in KEYS}
    changed = {
        table: frozenset(key for key, row in after[table].items() if before[table].get(key) != row)
        for table in KEYS
    }
    return drop_empty(lost), drop_empty(changed)


def drop_empty(keys: Keys) -> dict[str, frozenset[Key]]:
    return {table: found for table, found in keys.items() if found}


def describe(
    defect: Defect, run: Run, dirty: Laboratory, before: dict[str, Rows], after: dict[str, Rows]
) -> dict[str, Any]:
    """The defect and what came of it, for people to read."""
    lost, changed = compare(before, after)
    refused = {address: len(dirty.read_refused(address)) for address in run.results}
    return {
        "defect": defect.name,
        "source": defect.source,
        "outcome": defect.outcome,
        "caught_by": defect.caught_by,
        "refused": {address: count for address, count in refused.items() if count},
        "broken": {address: sorted(names) for address, names in run.broken.items()},
        "consequences": {address: sorted(names) for address, names in defect.consequences.items()},
        "blocked": sorted(run.blocked),
        "not_built": sorted(run.skipped),
        "error": [message.replace(f"{dirty.settings.landing}/", "") for message in run.errors.values()],
        "readers_lose": {table: len(keys) for table, keys in lost.items()},
        "readers_see_changed": {table: len(keys) for table, keys in changed.items()},
    }


def test_each_defect_has_a_name_of_its_own() -> None:
    names = [defect.name for defect in DEFECTS]
    assert len(set(names)) == len(names)
