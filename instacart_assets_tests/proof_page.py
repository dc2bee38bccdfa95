"""The page on what was proved, written from the reports that ``make prove`` leaves.

python -m instacart_assets_tests.proof_page REPORTS PAGE
"""

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from docs.compiler.markdown import tabulate
from instacart_assets_tests.calibration.effects import name_parts
from instacart_assets_tests.calibration.figure import draw_calibration

OUTCOMES = {
    "quarantined": "rows in quarantine",
    "lines": "lines in quarantine",
    "dropped": "left out of the table",
    "blocked": "version blocked",
    "error": "file refused",
    "warned": "reported",
    "harmless": "no effect",
}


def write_page(reports: Path, page: Path) -> None:
    """Write the page of the reports in a folder; a report that is not there is left out."""
    parts = [
        "# What was proved",
        "",
        "`make prove` runs every counting test at its full count, and writes this page from their reports.",
        *_tell(reports / "dirt.json", _tell_dirt),
        *_tell(reports / "fuzz.json", _tell_fuzz),
        *_tell(reports / "kills.json", _tell_kills),
        *_tell(reports / "retention.json", _tell_retention),
        *_tell(reports / "trends.json", _tell_trends),
        *_tell(reports / "affinity.json", _tell_affinity),
        *_tell(reports / "forecast.json", _tell_forecast),
        *_tell(reports / "parity.json", _tell_parity),
        *_tell(reports / "launched.json", _tell_launched),
        *_tell(reports / "drops.json", _tell_drops),
        *_tell(reports / "followed.json", _tell_followed),
        *_tell(reports / "calibration.json", lambda found: _tell_calibration(found, page.parent / "images")),
    ]
    page.write_text("\n".join(parts) + "\n", "utf-8")


def _tell(report: Path, tell: Any) -> Iterator[str]:
    if report.exists():
        yield ""
        yield from tell(json.loads(report.read_text("utf-8")))


def _tell_retention(worlds: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    yield "## Products that bring people back"
    yield ""
    yield (
        "In generated worlds it is known which products bring people back: the drivers. The table shows how often the 95 % "
        "intervals of the adjusted lift hold the true lift, and which products were called a signal. In `harsh`, customers "
        "with large baskets stay more often, which misleads the crude lift. A driver counts as detectable where a score of 5 "
        "or more is expected of it."
    )
    yield ""
    yield from tabulate(
        (
            "world",
            "customers",
            "products judged",
            "others: adjusted intervals that hold 1",
            "others: crude intervals that hold 1",
            "drivers judged",
            "drivers: intervals that hold the truth",
            "signals",
            "false signals",
            "detectable drivers found",
        ),
        (
            (
                f"`{world}`",
                f"{found['seeds']} x {found['customers']:,}",
                f"{found['judged']:,}",
                _tell_share(found["coverage_of_others"]),
                _tell_share(found["crude_coverage_of_others"]),
                str(found["drivers"]),
                _tell_share(found["coverage_of_drivers"]),
                str(found["signals"]),
                str(found["false_signals"]),
                f"{found['visible_drivers_found']} of {found['visible_drivers']}",
            )
            for world, found in sorted(worlds.items())
        ),
    )


def _tell_share(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f} %"


TRENDS = {
    "weekdays": "days of the week: demand_index of departments compared with that of the world",
    "changes": "four weeks and the four before, where nothing changes: change_index compared with 1",
}


def _tell_trends(found: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    yield "## Days of the week and trends"
    yield ""
    yield "In generated worlds that differ by chance alone: how often the 95 % intervals of departments hold the truth."
    if "changes" in found:
        called = _tell_share(found["changes"]["share_of_trends"])
        yield f"Where nothing changes, {called} of departments were called rising or falling."
    yield ""
    yield from tabulate(
        ("what", "intervals", "hold the truth"),
        (
            (TRENDS[name], f"{of['intervals']:,}", _tell_share(of["coverage"]))
            for name, of in sorted(found.items())
        ),
    )


def _tell_affinity(found: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    unrelated, planted = found["unrelated"], found["planted"]
    yield "## Products that are bought together"
    yield ""
    yield (
        f"In a generated world of {unrelated['customers']:,} customers, no two products are related. For "
        f"{_tell_share(unrelated['coverage'])} of {unrelated['pairs']:,} pairs the 95 % interval of the adjusted lift holds 1; "
        f"if orders of one customer were treated as independent, it would for "
        f"{_tell_share(unrelated['coverage_if_orders_were_independent'])}. The median lift is {unrelated['median_lift']:.2f}, "
        f"and {unrelated['median_lift_of_best']:.2f} in the tenth of pairs that are expected most often. Adjusted for basket "
        f"sizes, the medians are {unrelated['median_lift_adjusted']:.2f} and {unrelated['median_lift_adjusted_of_best']:.2f}. "
        f"Pairs wrongly called together or apart: {unrelated['found']}. Then {planted['pairs']} pairs were made to belong "
        f"together; {planted['found']} of them were found, ranked before all others."
    )


FORECASTS = {
    "forecast": "forecast",
    "naive": "naive",
    "seasonal_naive": "seasonal naive",
    "mean_of_four_weeks": "mean of four weeks",
    "year_before": "52 weeks before",
}
AT_THE_END = "sample at the end"
"""What is forecast from the sample's last full day; it is no back-test."""


def _tell_forecast(found: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    judged = {name: of for name, of in sorted(found.items()) if name != AT_THE_END}
    yield "## Forecasts compared with sales"
    yield ""
    yield (
        "Each product's next two weeks, forecast from several as-of dates, are compared with what was sold in them; no "
        "forecast saw those days. The data are generated worlds of 20,000 customers, with seeds fixed beforehand, and the real "
        "sample. The table shows each forecast's root mean squared error and, in brackets, its mean Poisson deviance, over all "
        "product-weeks."
    )
    yield ""
    yield from tabulate(
        ("what", "product-weeks", *FORECASTS.values(), "expected / sold"),
        (
            (
                f"`{name}`",
                f"{of['product_weeks']:,}",
                *(f"{of['rmse'][key]:.3f} ({of['deviance'][key]:.3f})" for key in FORECASTS),
                f"{of['expected_by_sold']:.3f}",
            )
            for name, of in judged.items()
        ),
    )
    yield ""
    yield (
        "How often the 90 % intervals hold what was sold, and for how many of the ten best sellers the forecast has a smaller "
        "squared error:"
    )
    yield ""
    yield from tabulate(
        (
            "what",
            "weeks",
            "weeks expecting 1 or more",
            "days",
            "days expecting 1 or more",
            "better than naive",
            "better than seasonal naive",
        ),
        (
            (
                f"`{name}`",
                *(
                    _tell_share(of[f"coverage_of_{part}"])
                    for part in ("weeks", "weeks_from_one_unit", "days", "days_from_one_unit")
                ),
                f"{of['best_sellers_better_than_naive']} of 10",
                f"{of['best_sellers_better_than_seasonal_naive']} of 10",
            )
            for name, of in judged.items()
        ),
    )
    if AT_THE_END in found:
        yield ""
        yield (
            "The sample's reconstructed dates have no new customers after their last full day. Forecast from that day, expected "
            f"sales are {found[AT_THE_END]['expected_by_sold']:.2f} times what the files hold."
        )


def _tell_parity(found: Mapping[str, Any]) -> Iterator[str]:
    yield "## The same tables on other engines"
    yield ""
    yield (
        "The whole graph was run on the embedded engine and on Apache Spark with Delta. For each table, quarantine "
        "included, schemas, nullability, rows and the outcome of every check were compared. All were equal."
    )
    yield ""
    yield from tabulate(
        ("landed files", "Spark", "tables", "rows"),
        (
            (str(case["landed"]), str(case["spark"]), str(case["tables"]), f"{case['rows']:,}")
            for _, case in sorted(found.items())
        ),
    )


DROP = "a drop"
"""What lands in most runs that are killed."""

LAUNCHED = {
    "databricks": "the step launcher, staging in DBFS, tables by path",
    "databricks_uc": "the step launcher, staging in a volume, tables by name",
    "serverless": "serverless tasks through Pipes, tables by name",
    "native": "the native job, without Dagster, tables by name",
}


def _tell_launched(found: Mapping[str, Any]) -> Iterator[str]:
    yield "## The same tables in an emulated Databricks workspace"
    yield ""
    yield (
        "The workspace's API is emulated. What is submitted really ran, on Apache Spark with Delta, in processes that had "
        "only what was uploaded. Schemas, nullability and rows of each table, quarantine included, equalled those that "
        "the embedded engine builds from the same files."
    )
    yield ""
    yield from tabulate(
        ("way", "customers", "tables"),
        (
            (LAUNCHED[target], str(case["customers"]), str(case["tables"]))
            for target, case in sorted(found.items())
        ),
    )


def _tell_drops(series: Mapping[str, Sequence[str]]) -> Iterator[str]:
    yield "## Incremental refresh compared with a full rebuild"
    yield ""
    drops = sum(map(len, series.values()))
    yield (
        f"{len(series)} series of drops, {drops} drops in all. After each drop, the tables "
        "that had been refreshed incrementally were compared with silver and gold rebuilt from the same bronze: rows, "
        "quarantine and the outcome of every check were equal."
    )
    yield ""
    yield from tabulate(
        ("series", "drops", "what landed in the last"),
        (
            (name, str(len(told)), told[-1])
            for name, told in sorted(series.items(), key=lambda one: _number(one[0]))
        ),
    )


def _number(name: str) -> int:
    return int(name.rpartition(" ")[2])


def _tell_followed(found: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    yield "## Drops ingested by two engines in turn"
    yield ""
    yield (
        "Two lakes ingested the same drops. One was begun by the embedded engine and one by Apache Spark, and at every "
        "second drop the engines swapped lakes. After each drop, tables, quarantine and what both runs reported were equal."
    )
    yield ""
    yield from tabulate(
        ("Spark", "customers", "drop", "what landed"),
        (
            (spark, str(case["customers"]), str(number), landed)
            for spark, case in sorted(found.items())
            for number, landed in enumerate(case["drops"], 1)
        ),
    )


FIGURE = "calibration.svg"


def _tell_calibration(found: Mapping[str, Any], images: Path) -> Iterator[str]:
    lifts = found["promotions"]
    yield "## Lifts beside the truth"
    yield ""
    yield (
        f"{lifts['all']['effects']:,} promotions with enough data, in {lifts['worlds']} generated worlds of 20,000 customers "
        "whose true lifts are known; the seeds were fixed beforehand. Intervals should hold the truth in 95 % of cases, and "
        "promotions without effect should be called significant in 5 %. The standard error of the mean error treats worlds "
        "as the independent units."
    )
    yield ""
    parts = {"all": lifts["all"], **name_parts(lifts)}
    yield from tabulate(
        (
            "promotions",
            "how many",
            "intervals that hold the truth",
            "mean error of ln lift",
            "placebos",
            "significant",
        ),
        (
            (
                name,
                f"{part['effects']:,}",
                f"{part['coverage']:.1%}",
                f"{part['mean_log_error']:+.4f} ± {part['error_of_mean']:.4f}",
                f"{part['placebos']:,}" if part["placebos"] else "",
                f"{part['false_alarms']:.1%}" if part["placebos"] else "",
            )
            for name, part in parts.items()
        ),
    )
    if "sample" in found:
        invented, significant = found["sample"]["promotions"], found["sample"]["significant"]
        yield ""
        yield (
            f"On the real sample {invented:,} promotions were invented that never took place: {significant} of them "
            f"({significant / invented:.1%}) came out significant."
        )
    draw_calibration(lifts, images / FIGURE)
    yield ""
    yield f"![Coverage of intervals by the true lift, and p-values of placebos](images/{FIGURE})"


def _tell_dirt(defects: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "## Each kind of defect, one by one"
    yield ""
    yield (
        f"{len(defects)} kinds of defect, each put into clean generated files and each caught where it should be. "
        "Every record is accounted for, and silver rows that the defect does not affect are unchanged."
    )
    yield ""
    yield from tabulate(
        ("defect", "source", "outcome", "caught by", "refused", "rules broken as a consequence"),
        (
            (
                defect["defect"],
                f"`{defect['source']}`",
                OUTCOMES[defect["outcome"]],
                f"`{defect['caught_by']}`" if defect["caught_by"] else "",
                str(sum(defect["refused"].values())),
                _tell_consequences(defect["consequences"]),
            )
            for defect in defects
        ),
    )


def _tell_consequences(consequences: Mapping[str, Iterable[str]]) -> str:
    return "; ".join(f"{table}: {', '.join(sorted(rules))}" for table, rules in sorted(consequences.items()))


def _tell_fuzz(fuzz: Mapping[str, Any]) -> Iterator[str]:
    yield "## Damaged bytes"
    if "bytes" in fuzz:
        found = fuzz["bytes"]
        yield ""
        yield (
            f"{found['cases']:,} cases of random damage to the bytes of one landed file, each run from the file to silver, in "
            f"{found['seconds']:,.0f} s together. In every case the counts added up, and each case ended "
            "in one of these ways:"
        )
        yield ""
        yield from tabulate(("ended in", "cases"), _count(found["outcomes"]))
        yield ""
        yield from tabulate(("rule that blocked", "times"), _count(found["blocking_rules"]))
    if "runs" in fuzz:
        ended = Counter(
            "a failed table, reported with its cause"
            if run.get("failed")
            else "every table published"
            if run["ended"] == "run"
            else f"no run: {run['ended']}"
            for run in fuzz["runs"]
        )
        yield ""
        yield f"{len(fuzz['runs'])} full runs on damaged files:"
        yield ""
        yield from tabulate(("ended in", "runs"), _count(ended))


def _tell_kills(kills: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[str]:
    yield "## Killed in the middle"
    yield ""
    yield (
        "Runs on a drop (a batch of newly landed files) with new, corrected and invalid orders and a renamed product, or on "
        "other files (every file replaced by one with other content), were killed with SIGKILL. Readers always saw whole "
        "published versions, old or new; quarantine is published twice in a run, so it was also seen in between. The next run "
        "that was left to end built the same tables as an undisturbed one, published each once and ingested each file once. "
        "Runs killed at a point built the tables up to `gold.daily_product_sales` and `silver.product_history`, those killed "
        "at a moment the whole graph."
    )
    yield ""
    yield (
        "A point lies before, in or after a step of building the named table. The steps are, in this order: `salvage` (valid "
        "lines of a damaged file are recovered), `staging` (the candidate is written: the staged version that is audited "
        "before it is published), `compare` (the candidate with the published version), `merge` (unchanged rows are written "
        "beside the new ones), `quarantine` (refused rows are saved), `audit` (the rules are checked), `publish` (changes are "
        "kept for later runs, files are moved into place, and a commit, or an append where rows are only added, names them), "
        "and `settling` (quarantined rows that are no longer refused are resolved). Some runs were killed one after another "
        "before one was left to end; that is why some points are listed twice."
    )
    for kind, title in (("points", "at a point"), ("moments", "at a moment")):
        entries = kills.get(kind, ())
        if entries:
            yield ""
            yield from tabulate(
                (
                    f"killed {title}",
                    "tables found old",
                    "found new",
                    "same in both, or in between",
                    "re-run equal",
                ),
                (_tell_kill(entry) for entry in entries),
            )


def _tell_kill(entry: Mapping[str, Any]) -> tuple[str, ...]:
    found = entry["tables_found"]
    where = entry.get("point", f"{entry.get('seconds', 0):.2f} s after it began")
    landed = "" if entry.get("what", DROP) == DROP else f", {entry['what']}"
    at = f"`{entry['table']}`: {where}{landed}"
    alike = found.get("same", 0) + found.get("kept", 0)
    return at, str(found["old"]), str(found["new"]), str(alike), "yes" if entry["re_run_equal"] else "no"


def _count(counts: Mapping[str, int]) -> list[tuple[str, str]]:
    return [(name, f"{count:,}") for name, count in sorted(counts.items(), key=lambda pair: -pair[1])]


if __name__ == "__main__":
    write_page(Path(sys.argv[1]), Path(sys.argv[2]))
