"""What must hold of a table made of a damaged file, found out without the package's own counts.

Tables are read without the engine, landed files as bytes; nothing here asks the package what it counted.
"""

import csv
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable

from instacart_assets.contracts.load import load_contracts
from instacart_assets.contracts.model import Contract
from instacart_assets.contracts.quarantine import quarantine_address
from instacart_assets_tests.lake_reading import MOMENTS, Rows, read_rows, read_table, round_off

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
INTEGER = re.compile(r"[ \t]*[+-]?[0-9]+[ \t]*")
BITS = {"int": 31, "bigint": 63}
REMEDIES = re.compile(r"\b(land|mend|make|save|unpack|spell|set|wait until|run again|take it out)\b")
"""What a person is told to do."""

Origin = tuple[str, str, int]


def explain(message: str) -> None:
    """An error names a file or a table, and what to do about it."""
    addresses = load_contracts()
    sources = [address.partition(".")[2] for address in addresses]
    assert any(name in message for name in (*addresses, *sources)), f"names no file or table: {message}"
    assert REMEDIES.search(message), f"names no remedy: {message}"


def read_version(lake: Path, address: str) -> int:
    layer, name = address.split(".")
    return DeltaTable(lake / layer / name).version()


def check_files(lake: Path, address: str) -> None:
    """Every file of the published version is there, and none of them is a candidate's."""
    layer, name = address.split(".")
    table = DeltaTable(lake / layer / name)
    for path in table.file_uris():
        assert Path(path).is_file(), f"{address}: readers miss {path}"
        assert "candidate-" not in path
    assert table.to_pyarrow_table().num_rows == table.count()


def read_settled(table: pa.Table, without: Iterable[str] = (), *, is_exact: bool = False) -> Rows:
    """Rows of a table in an order of their own, without what says when something ran.

    Fractions may differ from others in their last digits, as the engine does from itself, unless rows are to be exact.
    """
    left_out = {*MOMENTS, *without}
    rows = table.select([name for name in table.column_names if name not in left_out]).to_pylist()
    if not is_exact:
        rows = [{name: round_off(value) for name, value in row.items()} for row in rows]
    return sorted(rows, key=repr)


def read_candidate(folder: Path, published: Sequence[dict[str, Any]] | None = None) -> list[dict[str, Any]]:
    """Rows that a table would have by a candidate that was not published, those left out that it refuses.

    Args:
        folder: of the candidate.
        published: rows that readers have, where the candidate is but a part of the table's rows; else None.
    """
    if (folder / "whole").is_dir():
        return _read_files(folder / "whole")
    if published is not None:
        return [*published, *_read_files(folder / "added")]
    good = folder / "_is_refused=false"
    if not good.exists() and not (folder / "_is_refused=true").exists():
        good = folder
    return _read_files(good)


def _read_files(folder: Path) -> list[dict[str, Any]]:
    return [
        row for path in sorted(folder.glob("*.parquet")) for row in pq.ParquetFile(path).read().to_pylist()
    ]


def number_records(content: bytes) -> tuple[list[str], dict[int, tuple[int, bytes]]]:
    """Columns in the header, and by its number among the records each one's number of line and its bytes."""
    lines = content.removeprefix(BYTE_ORDER_MARK).split(b"\n")
    filled = [
        (number, line.removesuffix(b"\r"))
        for number, line in enumerate(lines, start=1)
        if line.replace(b"\r", b"")
    ]
    header = next(csv.reader([filled[0][1].decode()]))
    return header, dict(enumerate(filled[1:], start=1))


def check_landed(
    contract: Contract, content: bytes, fingerprint: str, rows: Sequence[Mapping[str, Any]], lake: Path
) -> int:
    """Every record of the file is a row with its values, or a line in quarantine with its text.

    Args:
        contract: the bronze table.
        content: bytes of its one landed file.
        fingerprint: of these bytes.
        rows: rows of the table or of its candidate.
        lake: where its quarantine is.

    Returns:
        How many lines are in quarantine.
    """
    header, records = number_records(content)
    kept = [
        line
        for line in read_rows(lake, quarantine_address(contract))
        if line["_source_fingerprint"] == fingerprint
    ]
    assert len(records) == len(rows) + len(kept), f"{contract.address}: a record is missing, or one too many"
    by_line = {number: record for record, (number, _) in records.items()}
    seen = sorted([*(row["_row_number"] for row in rows), *(by_line[line["line_number"]] for line in kept)])
    assert seen == list(records), f"{contract.address}: a record is there twice, and another is not"
    for line in kept:
        body = records[by_line[line["line_number"]]][1]
        assert line["text"] == body.decode("utf-8", "backslashreplace")
    for row in rows:
        assert row["_source_fingerprint"] == fingerprint
        values = next(csv.reader([records[row["_row_number"]][1].decode()], strict=True))
        landed = dict(zip(header, values, strict=True))
        for column in contract.landed_columns:
            assert (row[column.name] or "") == landed.get(column.name, ""), (contract.address, row, landed)
    return len(kept)


def check_made(contract: Contract, rows: Sequence[Mapping[str, Any]], lake: Path) -> tuple[int, int]:
    """Every row of bronze is a row, in quarantine as it landed, or a row that another one stands for.

    Args:
        contract: the silver table.
        rows: rows of the table or of its candidate.
        lake: where its sources and its quarantine are.

    Returns:
        How many rows are refused, and how many another one stands for.
    """
    landed = {
        _origin(row): (address, row) for address in contract.row_sources for row in read_rows(lake, address)
    }
    refused: set[Origin] = set()
    for held in read_rows(lake, quarantine_address(contract)):
        if _origin(held) not in landed:
            continue
        address, raw = landed[_origin(held)]
        for column in load_contracts()[address].landed_columns:
            assert held[column.name] == raw[column.name], f"{contract.address}: not as it landed: {held}"
        assert held["reasons"], f"{contract.address}: refused for no reason: {held}"
        assert _origin(held) not in refused, f"{contract.address}: twice in quarantine: {held}"
        refused.add(_origin(held))
    written: dict[tuple[Any, ...], int] = defaultdict(int)
    for row in rows:
        written[tuple(row[name] for name in contract.key)] += 1
    stood_for = _count_stood_for(contract, landed, refused, written)
    assert len(landed) == len(rows) + len(refused) + stood_for, (
        f"{contract.address}: {len(landed)} rows read, {len(rows)} written, {len(refused)} refused, "
        f"{stood_for} stood for"
    )
    return len(refused), stood_for


def check_published(contract: Contract, rows: Sequence[Mapping[str, Any]]) -> None:
    """Keys are unique, and what is required is there."""
    keys = [tuple(row[name] for name in contract.key) for row in rows]
    assert len(set(keys)) == len(keys), f"{contract.address}: a key is there twice"
    for name in contract.required_columns:
        assert all(row[name] is not None for row in rows), f"{contract.address}: {name} is null"


def _origin(row: Mapping[str, Any]) -> Origin:
    return row["_source_file"], row["_source_fingerprint"], row["_row_number"]


def _count_stood_for(
    contract: Contract,
    landed: Mapping[Origin, tuple[str, Mapping[str, Any]]],
    refused: set[Origin],
    written: Mapping[tuple[Any, ...], int],
) -> int:
    """Rows that are neither written nor refused: each is another's double, or an older one for the same key."""
    by_key: dict[tuple[Any, ...], list[Origin]] = defaultdict(list)
    for origin, (address, row) in landed.items():
        by_key[_read_key(contract, address, row)].append(origin)
    assert set(written) <= set(by_key), f"{contract.address}: rows that never landed"
    count = 0
    for key, origins in by_key.items():
        passed = [origin for origin in origins if origin not in refused]
        assert written.get(key, 0) <= 1
        if not passed:
            assert key not in written, f"{contract.address}: {key} is both refused and written"
            continue
        spare = len(passed) - written.get(key, 0)
        if not spare:
            continue
        assert None not in key, f"{contract.address}: a row without a key is gone: {origins}"
        texts = {origin: _spell(landed[origin]) for origin in origins}
        latest = max(str(landed[origin][1]["_ingested_at"]) for origin in origins)
        doubled = [o for o in passed if sum(texts[o] == text for text in texts.values()) > 1]
        older = [o for o in passed if str(landed[o][1]["_ingested_at"]) < latest]
        assert spare <= len({*doubled, *older}), f"{contract.address}: {key} is gone: {texts}"
        count += spare
    return count


def _spell(found: tuple[str, Mapping[str, Any]]) -> str:
    return repr([value for name, value in found[1].items() if not name.startswith("_")])


def _read_key(contract: Contract, address: str, row: Mapping[str, Any]) -> tuple[int | None, ...]:
    columns = {column.name: column for column in contract.columns}
    return tuple(
        _read_integer(row[source.rpartition(".")[2]], BITS[columns[name].type])
        for name in contract.key
        for source in columns[name].sources
        if source.rpartition(".")[0] == address
    )


def _read_integer(text: str | None, bits: int) -> int | None:
    if text is None or not INTEGER.fullmatch(text):
        return None
    value = int(text)
    return value if -(1 << bits) <= value < 1 << bits else None


def iterate_tables(lake: Path) -> Iterator[str]:
    """Addresses of all tables that readers find in a lake."""
    for log in sorted(lake.glob("*/*/_delta_log")):
        yield f"{log.parent.parent.name}.{log.parent.name}"


def read_all(lake: Path, without: Iterable[str] = ()) -> dict[str, Rows]:
    """Rows of every table of a lake."""
    return {address: read_settled(read_table(lake, address), without) for address in iterate_tables(lake)}
