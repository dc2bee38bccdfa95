"""A lake of Delta tables that Spark itself writes: by path, or by name in a catalog.

Contains how such a lake is read and published with Spark SQL alone, on Apache Spark and on Databricks alike. A
candidate is plain Parquet in a scratch folder, where no reader of a table looks; publishing writes it to the
table in one Delta commit. A transaction number derived from the last version that changed rows lets Delta itself refuse
a commit if another run has published the table meanwhile.
"""

import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, TypeVar
from uuid import uuid4

from py4j.protocol import Py4JJavaError
from pyspark.errors import AnalysisException, PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from instacart_assets.contracts.load import load_contracts
from instacart_assets.contracts.model import IS_REFUSED, LAYER_DESCRIPTIONS, Contract
from instacart_assets.contracts.quarantine import quarantine_address
from instacart_assets.lakehouse import spark_care
from instacart_assets.lakehouse.care import Files, Sweep
from instacart_assets.lakehouse.history import Commit, find_written
from instacart_assets.lakehouse.lake import (
    NOTES,
    REFUSED_COLUMNS,
    REFUSED_PART,
    Candidate,
    Lakehouse,
    LakePathError,
    Pin,
    PublishConflictError,
    explain_conflict,
    locate_good,
)
from instacart_assets.lakehouse.schema import conform
from instacart_assets.places import for_python, for_spark

ABSENT = {
    "DELTA_TABLE_NOT_FOUND",
    "DELTA_TABLE_ONLY_OPERATION",
    "DELTA_MISSING_DELTA_TABLE",
    "DELTA_PATH_DOES_NOT_EXIST",
    "PATH_NOT_FOUND",
    "SCHEMA_NOT_FOUND",
    "TABLE_OR_VIEW_NOT_FOUND",
}
"""Errors by which Spark and Delta report that there is no such table."""

IS_GOING = "_is_going"
"""Column of the rows merged into a table: whether a row is to be deleted."""

REMEMBERED = 50
"""Commits that one read of a table's history fetches: Delta takes as long for few as for many."""

TOLD = ("version", "seconds", "operation", "operationParameters", "operationMetrics", NOTES)
"""Columns that are read of each commit."""

MISTAKEN_NAME = re.compile(r"[\[\]{}*?`\\]")
"""What Spark reads as a pattern, or as the end of a name, in a path."""

CONFLICT = re.compile(
    r"\[(DELTA_CONCURRENT_\w+|DELTA_PROTOCOL_CHANGED|DELTA_METADATA_CHANGED|\w*TABLE\w*_ALREADY_EXISTS)"
    r"|io\.delta\.exceptions\.(Concurrent|ProtocolChanged|MetadataChanged)"
)
"""Delta's errors for a commit that another one preceded, including the creation of a table."""

Result = TypeVar("Result")


class TableNames(Protocol):
    """Names of the tables of a lake in Spark SQL."""

    def name(self, address: str) -> str:
        """The table at ``layer.table``."""

    def schema(self, address: str) -> str | None:
        """The schema that must exist before the table can; None where there are no schemas."""


@dataclass(frozen=True)
class PathNames:
    """Tables by their folders or URLs, such as ``dbfs:/lake/silver/orders``.

    Attributes:
        root: folder or URL of the lake.
    """

    root: str

    def __post_init__(self) -> None:
        """Refuse a root that Spark would misread.

        Raises:
            LakePathError: Spark would misread it.
        """
        if MISTAKEN_NAME.search(self.root):
            raise LakePathError(
                f"{self.root}: Spark takes [ ] {{ }} * ? ` and a backslash in the name of a folder for something else; "
                "give another"
            )

    def name(self, address: str) -> str:
        """The table's folder as a Delta path."""
        return f"delta.`{for_spark(self.root).rstrip('/')}/{address.replace('.', '/')}`"

    def schema(self, address: str) -> str | None:  # noqa: ARG002 - folders need no schema
        """None: a folder is created with the table."""
        return None

    def __str__(self) -> str:
        """The lake's folder or URL."""
        return self.root


@dataclass(frozen=True)
class CatalogNames:
    """Tables by their names in a catalog, such as ``main.dev_silver.orders``.

    Attributes:
        catalog: the catalog.
        prefix: prefix of the schema names.
    """

    catalog: str
    prefix: str = ""

    def name(self, address: str) -> str:
        """The table's three-part name."""
        return f"{self.schema(address)}.`{address.partition('.')[2]}`"

    def schema(self, address: str) -> str:
        """The layer's schema in the catalog."""
        return f"`{self.catalog}`.`{self.prefix}{address.partition('.')[0]}`"

    def __str__(self) -> str:
        """The catalog, with the prefix of its schemas."""
        return f"{self.catalog}.{self.prefix}*" if self.prefix else self.catalog


class SparkLake(Lakehouse):
    """Delta tables that Spark reads and writes.

    Args:
        names: names the tables.
        scratch: folder of candidates, which both Spark and this process's file calls reach.
        open_session: returns the session; called only when the lake is used.
    """

    def __init__(self, names: TableNames, scratch: str, open_session: Callable[[], SparkSession]) -> None:
        super().__init__(open_session)
        self._names = names
        self._scratch = for_python(scratch)
        # Reading a table's history takes longer than most queries of small tables.
        self._seen: dict[str, list[Any]] = {}

    @property
    def place(self) -> str:
        """The root of the tables' names."""
        return str(self._names)

    @property
    def scratch(self) -> Path:
        """The folder of candidates, and of all else that is not a table."""
        return self._scratch

    def _candidates_of(self, address: str) -> Path:
        layer, _, name = address.partition(".")
        return self._scratch / "candidates" / layer / name

    def pin(self, address: str) -> Pin:
        """The current version of the table, with the number of the last commit that changed rows.

        A table that was created but never published has no version.
        """
        self._seen[address] = commits = self._list_commits(address, REMEMBERED)
        if not commits or (commits[0]["version"] == 0 and commits[0][NOTES] is None):
            return Pin(None)
        return Pin(commits[0]["version"], self._find_written(address, commits))

    def _find_written(self, address: str, last: Sequence[Any]) -> int | None:
        known = [spark_care.read_commit(row) for row in last]
        if all(commit.keeps_rows for commit in known):
            known = self.list_commits(address)
        return find_written(known)

    def _list_commits(self, address: str, versions: int | None) -> list[Any]:
        """The last commits of a table, newest first; none if there is no table."""
        limit = "" if versions is None else f" LIMIT {versions}"
        try:
            history = self.session.sql(f"DESCRIBE HISTORY {self._names.name(address)}{limit}")
            # As a number: how a session returns a timestamp depends on where it runs.
            told = history.withColumn("seconds", F.col("timestamp").cast("double"))
            return told.select(*TOLD).orderBy(F.desc("version")).collect()
        except AnalysisException as error:
            if _name_error(error) in ABSENT:
                return []
            raise

    def count_rows(self, address: str, version: int | None = None) -> int:
        """Row count of a version of the table, by default the current one; 0 if there is none."""
        pinned = self.find_version(address) if version is None else version
        return 0 if pinned is None else self._load(address, pinned).count()

    def list_tables(self) -> list[str]:
        """Addresses of all published tables, by layer and name."""
        contracts = load_contracts()
        refusing = (contract for contract in contracts.values() if contract.has_quarantine)
        known = [*contracts, *sorted(quarantine_address(contract) for contract in refusing)]
        return [address for address in known if self.find_version(address) is not None]

    def _load(self, address: str, version: int) -> DataFrame:
        return self.session.sql(f"SELECT * FROM {self._names.name(address)} VERSION AS OF {version}")  # noqa: S608

    def stage(self, rows: DataFrame, contract: Contract, pin: Pin, run_id: str) -> Candidate:
        """Write ``rows`` as plain Parquet into a folder of the scratch folder."""
        path = self._name_candidate(contract, run_id)
        shaped = conform(rows, contract)
        parted = shaped.write.partitionBy(IS_REFUSED) if IS_REFUSED in shaped.columns else shaped.write
        try:
            parted.parquet(for_spark(path))
        except (PySparkException, Py4JJavaError) as error:  # a partial write is no candidate
            shutil.rmtree(path, ignore_errors=True)
            raise _as_spark_error(error) from error
        refused = self._read_refused(path, contract).count() if (path / REFUSED_PART).is_dir() else 0
        good = self._read_aside(locate_good(path), contract).count()
        return Candidate(contract, path, good, refused, run_id, pin)

    def read_made(self, candidate: Candidate) -> DataFrame:
        """Rebuilt rows of a candidate that are not refused: of a part only its own rows, changed or not."""
        return self._read_aside(locate_good(candidate.path), candidate.contract)

    def _read_aside(self, folder: Path, contract: Contract) -> DataFrame:
        if not any(folder.glob("*.parquet")):
            return self.make_none(contract)
        columns = ", ".join(f"`{column.name}` {column.type}" for column in contract.columns)
        return self.session.read.schema(columns).parquet(for_spark(folder))

    def _read_folder(self, folder: Path) -> DataFrame:
        return self.session.read.parquet(for_spark(folder))

    def _write_aside(self, rows: DataFrame, folder: Path, contract: Contract) -> int:
        conform(rows, contract).write.parquet(for_spark(folder))
        count = self._read_aside(folder, contract).count()
        if not count:
            shutil.rmtree(folder, ignore_errors=True)
        return count

    def _read_refused(self, path: Path, contract: Contract) -> DataFrame:
        columns = [*((column.name, column.type) for column in contract.columns), *REFUSED_COLUMNS]
        schema = ", ".join(f"`{name}` {kind}" for name, kind in columns)
        return self.session.read.schema(schema).parquet(for_spark(path / REFUSED_PART))

    def read_refused(self, candidate: Candidate) -> DataFrame:
        """Refused rows of a candidate: the contract's columns, each row's origin, and the rules it breaks."""
        if not candidate.refused:
            return self._make_no_refused(candidate.contract)
        return self._read_refused(candidate.path, candidate.contract)

    def _commit(self, candidate: Candidate, notes: str) -> int:
        return self._try_commit(
            candidate.contract.address, candidate.pin, notes, lambda: self._write(candidate, notes)
        )

    def _try_commit(self, address: str, pin: Pin, notes: str, write: Callable[[], None]) -> int:
        """Write on top of the pinned version, and return the version that this created.

        Raises:
            PublishConflictError: another commit came first.
        """
        try:
            write()
        except (PySparkException, Py4JJavaError) as error:
            if CONFLICT.search(str(error)):
                raise PublishConflictError(explain_conflict(address)) from error
            raise
        return self._find_commit(address, pin, notes)

    def _write(self, candidate: Candidate, notes: str) -> None:
        """Make a candidate the table's content, in one commit."""
        contract, pin = candidate.contract, candidate.pin
        if pin.version is None:
            self._make_table(contract)
        else:
            self._renew_comments(contract)
        removes = candidate.change is not None and candidate.change.removed > 0
        told = _tell_statement(notes, contract.address, pin)
        if not candidate.is_part or (removes and not self._can_set(told)):
            rows = _describe(self.read_candidate(candidate), contract)
            self._overwrite(contract.address, rows, notes, pin)
        elif removes:
            self._merge_into(candidate, told)
        else:
            rows = _describe(self.read_added(candidate), contract)
            options = {NOTES: notes, **_number_commit(contract.address, pin)}
            rows.writeTo(self._names.name(contract.address)).options(**options).append()

    def _overwrite(self, address: str, rows: DataFrame, notes: str, pin: Pin) -> None:
        """Make rows the whole content of a table that has not changed since it was pinned."""
        name = self._names.name(address)
        known = self.session.sql(f"SELECT * FROM {name} LIMIT 0").columns  # noqa: S608 - the lake's own name
        is_narrower = not set(known) <= set(rows.columns)
        (
            rows.writeTo(name)
            .options(**{NOTES: notes, **_number_commit(address, pin)})
            # To remove a column Delta needs a new schema, in which no column is NOT NULL: the contract's rules
            # still check that.
            .option("overwriteSchema" if is_narrower else "mergeSchema", "true")
            .overwrite(F.lit(True))
        )

    def _merge_into(self, candidate: Candidate, told: Mapping[str, str]) -> None:
        """Delete the removed rows and write the added ones, by the table's key."""
        contract = candidate.contract
        coming = self.read_added(candidate)
        going = self.read_removed(candidate).join(coming, [*contract.key], "left_anti")
        changes = coming.withColumn(IS_GOING, F.lit(False)).unionByName(
            going.withColumn(IS_GOING, F.lit(True))
        )
        view = f"changes_{uuid4().hex[:8]}"
        changes.createOrReplaceTempView(view)
        try:
            with self._set(told):
                self.session.sql(_spell_merge(self._names.name(contract.address), view, contract)).collect()
        finally:
            self.session.catalog.dropTempView(view)

    def _can_set(self, config: Mapping[str, str]) -> bool:
        """Whether the session accepts this configuration: serverless compute accepts little, and none of Delta's."""
        try:
            with self._set(config):
                return True
        except PySparkException:
            return False

    @contextmanager
    def _set(self, config: Mapping[str, str]) -> Iterator[None]:
        """Set this configuration in the session, for one statement."""
        done: list[str] = []
        try:
            for key, value in config.items():
                self.session.conf.set(key, value)
                done.append(key)
            yield
        finally:
            for key in done:
                self.session.conf.unset(key)

    def _find_commit(self, address: str, pin: Pin, notes: str) -> int:
        """The version that a commit with these notes created after the pinned one.

        Raises:
            PublishConflictError: there is none, as Delta skipped a transaction number that was committed before.
        """
        self._seen[address] = self._list_commits(address, REMEMBERED)
        for commit in self._seen[address]:
            # A version that is restored twice has the same notes twice.
            if commit[NOTES] == notes and commit["version"] > (pin.version or 0):
                return int(commit["version"])
        raise PublishConflictError(explain_conflict(address))

    def _make_table(self, contract: Contract) -> None:
        """Create a missing table, empty, with nullability and comments as the contract states them."""
        schema = self._names.schema(contract.address)
        # A user who may not create schemas may still create tables in an existing one.
        if schema is not None and not self._has_schema(schema):
            told = _quote(LAYER_DESCRIPTIONS[contract.layer])
            self.session.sql(f"CREATE SCHEMA IF NOT EXISTS {schema} COMMENT {told}")
        columns = ", ".join(
            f"`{column.name}` {column.type}{' NOT NULL' if column.required else ''} "
            f"COMMENT {_quote(column.description)}"
            for column in contract.columns
        )
        self.session.sql(
            f"CREATE TABLE IF NOT EXISTS {self._names.name(contract.address)} ({columns}) USING delta "
            f"COMMENT {_quote(contract.description)}"
        )

    def _renew_comments(self, contract: Contract) -> None:
        """Update the comments of a table and its columns from the contract: writing rows does not."""
        name = self._names.name(contract.address)
        known = self.session.sql(f"SELECT * FROM {name} LIMIT 0").schema  # noqa: S608 - the lake's own name
        said = {field.name: field.metadata.get("comment") for field in known.fields}
        for column in contract.columns:
            if column.name in said and said[column.name] != column.description:
                told = _quote(column.description)
                self.session.sql(f"ALTER TABLE {name} ALTER COLUMN `{column.name}` COMMENT {told}").collect()
        # Not Delta's own DESCRIBE DETAIL, which counts files first.
        told_of = self.session.sql(f"DESCRIBE TABLE EXTENDED {name}").collect()
        comments = [row["data_type"] for row in told_of if row["col_name"] == "Comment"]
        if contract.description not in comments[-1:]:
            self.session.sql(f"COMMENT ON TABLE {name} IS {_quote(contract.description)}").collect()

    def _has_schema(self, schema: str) -> bool:
        try:
            self.session.sql(f"DESCRIBE SCHEMA {schema}").collect()
        except AnalysisException as error:
            if _name_error(error) in ABSENT:
                return False
            raise
        return True

    def _changes_of(self, address: str) -> Path:
        return self._candidates_of(address)

    def name_for_query(self, address: str) -> str:
        """The table's own name in Spark SQL."""
        return self._names.name(address)

    def list_commits(self, address: str, most: int | None = None) -> list[Commit]:
        """The commits of a table; for a few, those cached when it was last pinned or published, if any."""
        seen = self._seen.get(address) if most is not None and most <= REMEMBERED else None
        told = self._list_commits(address, most) if seen is None else seen[:most]
        return [spark_care.read_commit(row) for row in told]

    def is_readable(self, address: str, version: int, commits: Sequence[Commit]) -> bool:
        """Whether Delta can still reconstruct a version, and no vacuum has removed files of it."""
        return spark_care.is_kept(commits, version) and spark_care.can_make(
            self.session, self._names.name(address), version
        )

    def restore(self, address: str, version: int, notes: str) -> int:
        """Write an earlier version over the table, as publishing does: Delta's own RESTORE takes no notes."""
        pin, rows = self.pin(address), self._load(address, version)
        return self._try_commit(address, pin, notes, lambda: self._overwrite(address, rows, notes, pin))

    def measure_files(self, address: str) -> Files:
        """Count and size of the current version's data files."""
        return spark_care.measure(self.session, self._names.name(address))

    def compact(self, address: str) -> None:
        """Compact the small files of a table, with Delta's OPTIMIZE."""
        commits = self.list_commits(address)
        self._look_after(address, lambda name: spark_care.compact(self.session, name, commits))

    def sweep(self, address: str, since: datetime, *, is_rehearsal: bool = False) -> Sweep:
        """Remove files that no version needs, with Delta's VACUUM; changes in the scratch folder likewise."""
        commits, candidates = self.list_commits(address), self._candidates_of(address)
        return self._look_after(
            address,
            lambda name: spark_care.sweep(
                self.session, name, commits, since, candidates, is_rehearsal=is_rehearsal
            ),
        )

    def _look_after(self, address: str, work: Callable[[str], Result]) -> Result:
        """Do work that may conflict with a run that publishes.

        Raises:
            PublishConflictError: it did conflict.
        """
        self._seen.pop(address, None)
        try:
            return work(self._names.name(address))
        except (PySparkException, Py4JJavaError) as error:
            if CONFLICT.search(str(error)):
                raise PublishConflictError(explain_conflict(address)) from error
            raise

    def find_checkpoint(self, address: str) -> None:  # noqa: ARG002 - see below
        """None: Delta writes checkpoints and cleans up its log itself, as set in the table's properties."""
        return None  # noqa: RET501 - an answer

    def checkpoint(self, address: str, since: datetime) -> None:
        """Do nothing: Delta does it."""


def _number_commit(address: str, pin: Pin) -> dict[str, str]:
    """Options that let Delta commit only once on the rows of a pinned version: a run with an older pin is too late.

    Two runs that pinned the same rows have the same number, even if maintenance committed between their pins.
    """
    written = pin.version if pin.handle is None else pin.handle
    return {"txnAppId": f"publish {address}", "txnVersion": str((written or 0) + 1)}


def _tell_statement(notes: str, address: str, pin: Pin) -> dict[str, str]:
    """The same options and the version's notes, as configuration: SQL statements take no options."""
    number = {f"write.{key}": value for key, value in _number_commit(address, pin).items()}
    told = {f"commitInfo.{NOTES}": notes, **number}
    return {f"spark.databricks.delta.{key}": value for key, value in told.items()}


def _spell_merge(name: str, view: str, contract: Contract) -> str:
    """The MERGE statement that applies a view of added and removed rows to a table."""
    same = " AND ".join(f"held.`{column}` <=> new.`{column}`" for column in contract.key)
    columns = [f"`{column}`" for column in contract.column_names]
    return (
        f"MERGE INTO {name} AS held USING {view} AS new ON {same} "  # noqa: S608 - the lake's own names
        f"WHEN MATCHED AND new.{IS_GOING} THEN DELETE "
        f"WHEN MATCHED THEN UPDATE SET {', '.join(f'held.{column} = new.{column}' for column in columns)} "
        f"WHEN NOT MATCHED AND NOT new.{IS_GOING} THEN INSERT ({', '.join(columns)}) "
        f"VALUES ({', '.join(f'new.{column}' for column in columns)})"
    )


def _describe(rows: DataFrame, contract: Contract) -> DataFrame:
    """The rows, with the contract's descriptions as comments of their columns."""
    return rows.select(
        *(
            F.col(column.name).alias(column.name, metadata={"comment": column.description})
            for column in contract.columns
        )
    )


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _as_spark_error(error: Exception) -> PySparkException:
    """A failed job's error as a PySpark exception: the classic client has no class of its own for it."""
    if isinstance(error, PySparkException):
        return error
    return PySparkException(str(error.java_exception.getMessage()))  # type: ignore[attr-defined] # Py4J has no types


def _name_error(error: PySparkException) -> str:
    return (error.getCondition() or "").partition(".")[0]
