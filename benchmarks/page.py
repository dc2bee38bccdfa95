"""The page on speed, written from the measurements that `make bench` saves.

This module holds the page's text and tables; it takes medians and measures nothing.

    python -m benchmarks.page MEASUREMENTS PAGE
"""

import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.clocks import MAKE, QUALITY, REST, SHOW, WRITE
from benchmarks.figure import draw_ways
from benchmarks.measure import Measurement
from benchmarks.starts import STARTS

NAMES = {
    "checked": "checked, with Dagster",
    "bare": "bare transforms",
    "duckdb": "DuckDB script",
    "polars": "Polars script",
    "spark": "bare transforms on Apache Spark",
}
OVERHEAD, MEMORY, MEMORY_OF_GROWTH, GROWTH, SPARK, DROP = 0.5, 8.0, 20.0, 1.2, 4.0, 0.25
"""Targets: the share that checks and Dagster add, GiB at the usual and at the larger size, seconds per row at the larger
size relative to the smaller, Spark's time relative to the embedded engine's, and a drop's time relative to a full run."""

WHY_PEERS = (
    "The scripts assume clean files and share work between tables. Here, each table is checked, published and run by itself, so a "
    "table that uses another reads it back from the lake. The scripts assemble the baskets of a department once; here it is done "
    "for daily sales and again for the hourly profile. `silver.orders` looks for missing and duplicate orders with five window "
    "functions over each customer's orders, where the scripts have two. The rest of the difference, in joins of all lines and of "
    "pairs, is due to the engine."
)
WHY_DROP = (
    "[Tables that have to read all rows](concepts/incremental.md), whatever has landed, are a third of a full run by themselves: "
    "pairs of products, repeat purchases, the forecast, and the effects of promotions. Results equal to those of a full rebuild "
    "come first."
)
WHY_STARTS = (
    "The first wait is for Python: each command loads its libraries again. Loading Great Expectations alone takes most of "
    "the *quality* seconds of `bronze.aisles` below. Hundreds of rules are compiled, validated and recorded one by one, however few "
    "rows there are."
)
"""Why targets were missed."""

LEAST_SECONDS = 1.0
"""Tables that every way builds in less time are not compared one by one."""


@dataclass(frozen=True)
class Aim:
    """A target, and what was measured for it.

    Attributes:
        words: the target.
        measured: what was measured.
        is_reached: whether the target is reached.
        cause: why it is missed, if it is.
    """

    words: str
    measured: str
    is_reached: bool
    cause: str = ""


@dataclass(frozen=True)
class Costs:
    """Medians over the measurements of one kind.

    Attributes:
        rounds: how many there are.
        wall: seconds.
        processors: seconds of work.
        memory: GiB at most, of all rounds.
        seconds: without the start of the process.
        tables: seconds by address and part.
        rows: of each table, by address.
        work: seconds of processors and GiB at most while each table was made, by address; empty where that is not known.
    """

    rounds: int
    wall: float
    processors: float
    memory: float
    seconds: float
    tables: dict[str, dict[str, float]]
    rows: dict[str, int]
    work: dict[str, dict[str, float]]


class Results:
    """What was measured, by kind."""

    def __init__(self, said: dict[str, Any]) -> None:
        self.machine: dict[str, Any] = said["machine"]
        grouped: defaultdict[tuple[str, int, bool, str], list[Measurement]] = defaultdict(list)
        made = [Measurement(**one) for one in said["measurements"]]
        self.days = sorted({one.day for one in made})
        for one in made:
            grouped[one.kind].append(one)
        self._costs = {kind: _sum_up(made) for kind, made in grouped.items()}
        sizes = sorted({users for _, users, _, _ in grouped})
        self.users: int = said["users"]
        self.least, self.most = sizes[0], sizes[-1]
        self.moves: dict[str, dict[str, int]] = said.get("moves", {})
        self.starts: dict[str, list[float]] = said.get("starts", {})

    def find(
        self, way: str, *, users: int | None = None, is_core: bool = False, note: str = ""
    ) -> Costs | None:
        """The costs of a kind; None where it was not measured."""
        return self._costs.get((way, users or self.users, is_core, note))


def _sum_up(made: Sequence[Measurement]) -> Costs:
    addresses = list(made[0].tables)
    return Costs(
        rounds=len(made),
        wall=median(one.wall for one in made),
        processors=median(one.processors for one in made),
        memory=max(one.memory for one in made),
        seconds=median(one.seconds for one in made),
        tables={
            address: {
                part: median(one.tables[address].get(part, 0.0) for one in made)
                for part in made[0].tables[address]
            }
            for address in addresses
        },
        rows=made[-1].rows,
        work={
            address: {
                "processors": median(one.work[address]["processors"] for one in made),
                "memory": max(one.work[address]["memory"] for one in made),
            }
            for address in addresses
            if all(address in one.work for one in made)
        },
    )


def write_page(results: Results, page: Path) -> None:
    """Write the page and its chart beside it; what was not measured is left out."""
    parts = [
        "# How fast it is",
        "",
        "`make bench` writes this page from the measurements in `docs/benchmarks.json`. They were taken on "
        f"{results.machine['processors']} processors with {results.machine['memory_gib']} GiB, on {' and '.join(results.days)}, "
        f"with files generated for {results.users:,} customers. Each figure is the median of its rounds; memory is the highest of "
        "them. Each run is a process of its own, measured from start to end. It starts with an empty lake, except for the drop (a "
        "batch of newly landed files), which is ingested into a lake built from all other files.",
        *_tell_whole(results),
        *_tell_peers(results, page.parent / "images" / "benchmarks.svg"),
        *_tell_aims(results),
        *_tell_tables(results),
        *_tell_growth(results),
        *_tell_moves(results),
        *_tell_model(results),
        *_tell_versions(results),
    ]
    page.write_text("\n".join(parts) + "\n", "utf-8")


def _tell_whole(results: Results) -> Iterator[str]:
    kinds = [
        ("all tables, every check, in Dagster", results.find("checked")),
        ("bare transforms, without checks and Dagster", results.find("bare")),
        ("bare transforms on Apache Spark", results.find("spark")),
        ("ingesting a drop of 1 % of the orders", results.find("checked", note="drop")),
        ("a full run over the same files", results.find("checked", note="anew")),
        *(
            (f"{name}, {users:,} customers", results.find(way, users=users))
            for users in (results.least, results.most)
            if users != results.users
            for way, name in (("checked", "all tables, every check"), ("bare", "bare transforms"))
        ),
    ]
    yield from ("", "## All tables", "")
    yield from tabulate(
        ("what", "seconds", "CPU seconds", "peak GiB", "rounds"),
        (
            (name, f"{cost.wall:,.0f}", f"{cost.processors:,.0f}", f"{cost.memory:.1f}", str(cost.rounds))
            for name, cost in kinds
            if cost is not None
        ),
    )


def _tell_peers(results: Results, picture: Path) -> Iterator[str]:
    costs = {way: cost for way in NAMES if (cost := results.find(way, is_core=True)) is not None}
    if not costs:
        return
    draw_ways({NAMES[way]: (cost.wall, cost.memory) for way, cost in costs.items()}, picture)
    count = len(next(iter(costs.values())).tables)
    yield from ("", "## Compared with scripts for other engines", "")
    yield (
        f"{count} tables, which hold nearly all rows, built from the same files by scripts in `benchmarks/`, written as someone who "
        "knows the engine would. The scripts check nothing and write the same Delta tables; a test checks that these equal the "
        "project's. All ways were measured in turn on the same machine."
    )
    yield from ("", f"![Seconds and memory of each way](images/{picture.name})", "")
    yield from tabulate(
        ("way", "seconds", "CPU seconds", "peak GiB", "rounds"),
        (
            (
                NAMES[way],
                f"{cost.wall:,.1f}",
                f"{cost.processors:,.1f}",
                f"{cost.memory:.1f}",
                str(cost.rounds),
            )
            for way, cost in costs.items()
        ),
    )
    yield from ("", "Seconds of each table that takes at least one of them a second or more:", "")
    yield from tabulate(("table", *(NAMES[way] for way in costs)), _compare_tables(costs))


def _compare_tables(costs: dict[str, Costs]) -> Iterator[tuple[str, ...]]:
    """The seconds of each table in each way, the slowest first."""
    spent = {
        address: [sum(cost.tables[address].values()) for cost in costs.values()]
        for address in next(iter(costs.values())).tables
    }
    for address, seconds in sorted(spent.items(), key=lambda entry: -max(entry[1])):
        if max(seconds) >= LEAST_SECONDS:
            yield f"`{address}`", *(f"{one:.1f}" for one in seconds)


def _tell_aims(results: Results) -> Iterator[str]:
    aims = list(_judge_aims(results))
    yield from ("", "## Targets", "")
    yield from tabulate(
        ("target", "measured", "reached"),
        ((aim.words, aim.measured, "yes" if aim.is_reached else "no") for aim in aims),
    )
    for cause in dict.fromkeys(aim.cause for aim in aims if not aim.is_reached and aim.cause):
        yield from ("", cause)


def _judge_aims(results: Results) -> Iterator[Aim]:
    """Each target that something was measured for."""
    checked, bare, spark = (results.find(way) for way in ("checked", "bare", "spark"))
    if checked is not None and bare is not None:
        added = checked.wall / bare.wall - 1
        yield Aim(
            f"checks and Dagster add at most {_say_share(OVERHEAD)} to the bare transforms",
            _say_share(added),
            added <= OVERHEAD,
        )
    if checked is not None:
        yield Aim(f"at most {MEMORY:.0f} GiB", f"{checked.memory:.1f} GiB", checked.memory <= MEMORY)
    large = results.find("checked", users=results.most)
    if checked is not None and large is not None and results.most > results.users:
        times = results.most / results.users
        grown = large.wall / checked.wall
        yield Aim(
            f"at {times:.0f} times the rows at most {GROWTH * times:.1f} times the time",
            f"{grown:.1f} times",
            grown <= GROWTH * times,
        )
        yield Aim(
            f"at {times:.0f} times the rows at most {MEMORY_OF_GROWTH:.0f} GiB",
            f"{large.memory:.1f} GiB",
            large.memory <= MEMORY_OF_GROWTH,
        )
    if spark is not None and bare is not None:
        faster = spark.wall / bare.wall
        yield Aim(
            f"{SPARK:.0f} times as fast as the same transforms on Apache Spark",
            f"{faster:.1f} times",
            faster >= SPARK,
        )
    core = results.find("bare", is_core=True)
    for way in ("duckdb", "polars"):
        peer = results.find(way, is_core=True)
        if core is not None and peer is not None:
            yield Aim(
                f"bare transforms ahead of the {NAMES[way]}",
                f"{core.wall:.0f} s against {peer.wall:.0f} s",
                core.wall < peer.wall,
                WHY_PEERS,
            )
    drop, anew = results.find("checked", note="drop"), results.find("checked", note="anew")
    if drop is not None and anew is not None:
        share = drop.wall / anew.wall
        yield Aim(
            f"a drop of 1 % costs at most {_say_share(DROP)} of a full run",
            _say_share(share),
            share <= DROP,
            WHY_DROP,
        )
    for name, seconds in results.starts.items():
        most, found = STARTS[name].most, median(seconds)
        command, _, state = name.partition(", ")
        once = f" once the environment is {state}" if state else ""
        yield Aim(f"{command} in less than {most:.0f} s{once}", f"{found:.1f} s", found < most, WHY_STARTS)


def _say_share(share: float) -> str:
    return f"{100 * share:.0f} %"


def _tell_tables(results: Results) -> Iterator[str]:
    checked = results.find("checked")
    if checked is None:
        return
    bare = results.find("bare")
    within = sum(sum(parts.values()) for parts in checked.tables.values())
    yield from ("", "## Where the time goes", "")
    yield (
        "Seconds of each table in the checked run. *Transform* is computing the rows and, as the engine is lazy, writing the candidate "
        "(the staged version that is audited before it is published); *quality* is all rules, the counts they need, and quarantine; "
        "*write* is the commit; *show* is the preview and the charts; *rest* is everything else; *bare* is the same table built by the "
        "bare transforms. Of the full run, "
        f"{checked.wall - checked.seconds:.1f} s are the start of the process and {checked.seconds - within:.1f} s Dagster's. *CPU* is "
        "the seconds of CPU time meanwhile, and *GiB* the peak memory of the process meanwhile, including what it still held from "
        "earlier tables; both are sampled five times a second."
    )
    yield ""
    parts = (MAKE, QUALITY, WRITE, SHOW, REST)
    rows = sorted(checked.tables.items(), key=lambda entry: -sum(entry[1].values()))
    yield from tabulate(
        ("table", *parts, "sum", "bare", "CPU", "GiB"),
        [
            *(
                (
                    f"`{address}`",
                    *(f"{spent.get(part, 0.0):.1f}" for part in parts),
                    f"{sum(spent.values()):.1f}",
                    "" if bare is None else f"{sum(bare.tables[address].values()):.1f}",
                    *_tell_work(checked.work.get(address)),
                )
                for address, spent in rows
            ),
            (
                "all",
                *(f"{sum(spent.get(part, 0.0) for spent in checked.tables.values()):.1f}" for part in parts),
                f"{within:.1f}",
                "" if bare is None else f"{bare.seconds:.1f}",
                f"{checked.processors:.1f}",
                f"{checked.memory:.1f}",
            ),
        ],
    )


def _tell_work(work: dict[str, float] | None) -> tuple[str, str]:
    return ("", "") if work is None else (f"{work['processors']:.1f}", f"{work['memory']:.1f}")


def _tell_growth(results: Results) -> Iterator[str]:
    """Rows of each table, and how rows and time grow with customers."""
    whole, large = results.find("checked"), results.find("checked", users=results.most)
    if whole is None or large is None or not whole.rows or results.most == results.users:
        return
    yield from ("", "## What grows", "")
    yield (
        f"Rows of each table with {results.users:,} customers, and how many times as many rows and seconds it has with "
        f"{results.most:,} customers: {results.most / results.users:.0f} times as many, who buy the same products on the same days."
    )
    yield ""
    yield from tabulate(
        ("table", "rows", "times the rows", "times the seconds"),
        (
            (
                f"`{address}`",
                f"{rows:,}",
                f"{large.rows[address] / rows:.1f}" if rows else "",
                f"{sum(large.tables[address].values()) / sum(whole.tables[address].values()):.1f}",
            )
            for address, rows in sorted(whole.rows.items(), key=lambda entry: -entry[1])
        ),
    )


def _tell_moves(results: Results) -> Iterator[str]:
    """How often a cluster would move rows for each table."""
    if not results.moves:
        return
    yield from ("", "## What moves", "")
    yield (
        "A *shuffle* sends every row to the machine that has its key; a *broadcast* sends a small table to all machines. The counts "
        "are those of Apache Spark's plans when it treats no table as small. [Scaling past one machine](concepts/scale.md) explains "
        "what follows from them."
    )
    yield ""
    yield from tabulate(
        ("table", "shuffles", "broadcasts"),
        (
            (f"`{address}`", str(moves["shuffles"]), str(moves["broadcasts"]))
            for address, moves in results.moves.items()
        ),
    )


def _tell_model(results: Results) -> Iterator[str]:
    """CPU time by customers as a straight line through the two smaller sizes, compared with the largest."""
    sizes = (results.least, results.users, results.most)
    costs = [cost for users in sizes if (cost := results.find("checked", users=users)) is not None]
    if len(set(sizes)) < len(sizes) or len(costs) < len(sizes):
        return
    small, whole, large = (cost.processors for cost in costs)
    each = (whole - small) / (results.users - results.least)
    fixed = whole - each * results.users
    expected = fixed + each * results.most
    yield from ("", "## A model of the work", "")
    yield (
        f"A full run takes {fixed:.0f} s of CPU time, whatever the size, and {each * 1_000:.2f} s for every thousand customers: a "
        f"straight line through {results.least:,} and {results.users:,} customers. For {results.most:,} the line predicts "
        f"{expected:,.0f} s of CPU time; {large:,.0f} s were measured, {_say_share(abs(large / expected - 1))} "
        f"{'more' if large > expected else 'less'}."
    )
    bare, spark = results.find("bare"), results.find("spark")
    if bare is not None and spark is not None:
        yield (
            f"Apache Spark on the same machine takes {spark.processors / bare.processors:.1f} times the CPU time for the same transforms."
        )


def _tell_versions(results: Results) -> Iterator[str]:
    told = ", ".join(
        f"{name} {said}"
        for name, said in results.machine.items()
        if name not in {"processors", "memory_gib", "system"}
    )
    yield from ("", f"Measured with {told}.")


def tabulate(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A table in Markdown; all columns but the first are numbers."""
    yield f"| {' | '.join(head)} |"
    yield f"| --- |{' ---: |' * (len(head) - 1)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


if __name__ == "__main__":
    write_page(Results(json.loads(Path(sys.argv[1]).read_text("utf-8"))), Path(sys.argv[2]))
