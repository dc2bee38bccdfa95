"""Contracts of the quarantine: for each table that can refuse rows, the table that keeps them.

Defines what a quarantine table promises, derived from the contract of the table it belongs to, so that
nobody has to write one. How rows get there is in the package ``quality``.
"""

from collections.abc import Mapping

from instacart_assets.contracts.model import QUARANTINE, Column, Contract

LINES_SUFFIX = "__lines"

ROW_ID = Column(
    "row_id",
    "string",
    True,
    "Identifier of the refused row: SHA-256 of its file, the file's fingerprint and its number there.",
)
SOURCE_FILE = Column("_source_file", "string", True, "Path of the landed file below the landing folder.")
FINGERPRINT = Column(
    "_source_fingerprint", "string", True, "SHA-256 of the landed file's bytes, in hexadecimal."
)
ROW_NUMBER = Column("_row_number", "bigint", True, "Number of the record in its file, from 1.")
LIFE = (
    Column("status", "string", True, "open: nobody has dealt with it; resolved: somebody or something has."),
    Column(
        "resolution",
        "string",
        False,
        "How it was resolved: replayed (a corrected row landed), discarded (nobody needs it), accepted (it passes by now), superseded (a "
        "later file has another row for its key), withdrawn (its file no longer holds it); null while open.",
    ),
    Column("quarantined_at", "timestamp", True, "Moment it was first refused, UTC."),
    Column("resolved_at", "timestamp", False, "Moment it was resolved, UTC; null while open."),
    Column("run_id", "string", True, "Run that first refused it."),
)


def quarantine_of(contract: Contract, sources: Mapping[str, Contract]) -> Contract:
    """The contract of the table that keeps what a table refuses.

    Args:
        contract: a bronze table, whose malformed lines are kept as text, or a silver table, whose refused rows
            are kept as they landed.
        sources: the bronze contracts a silver table's rows come from, by address.
    """
    if contract.landed_columns:
        columns: tuple[Column, ...] = (
            ROW_ID,
            SOURCE_FILE,
            FINGERPRINT,
            Column("line_number", "bigint", True, "Number of the line in its file, from 1, header included."),
            Column("text", "string", True, "The line as it landed; bytes that are no UTF-8 as \\xff."),
            Column("reason", "string", True, "Why no record could be read from it."),
            *LIFE,
        )
        what = "line that no record could be read from"
    else:
        columns = (
            ROW_ID,
            *_list_source_columns(sources),
            SOURCE_FILE,
            FINGERPRINT,
            ROW_NUMBER,
            Column(
                "reasons", "array<string>", True, "Names of all the contract's rules that the row breaks."
            ),
            Column("reasons_text", "string", True, "The same, separated by commas."),
            *LIFE,
        )
        what = "row that was refused"
    return Contract(
        address=quarantine_address(contract),
        title=f"Refused: {contract.title.lower()}",
        grain=f"One row per {what}.",
        description=f"Every {what} on its way to {contract.address}, and what became of it. Nothing is ever "
        "removed from here.",
        owners=contract.owners,
        tags=(),
        domain=contract.domain,
        freshness_hours=contract.freshness_hours,
        columns=columns,
        key=("row_id",),
    )


def quarantine_address(contract: Contract) -> str:
    """Address of the table that keeps what the contract's table refuses."""
    return f"{QUARANTINE}.{contract.name}{LINES_SUFFIX if contract.landed_columns else ''}"


def _list_source_columns(sources: Mapping[str, Contract]) -> tuple[Column, ...]:
    """The landed columns of all sources, each name once, with where its text comes from."""
    origins: dict[str, list[str]] = {}
    descriptions: dict[str, str] = {}
    for address, source in sources.items():
        for column in source.landed_columns:
            origins.setdefault(column.name, []).append(f"{address}.{column.name}")
            descriptions.setdefault(column.name, column.description)
    return tuple(
        Column(name, "string", False, f"{descriptions[name]} As landed.", sources=tuple(origins[name]))
        for name in origins
    )
