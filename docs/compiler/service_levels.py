"""Generates the page of what the contracts promise to those who read the tables."""

from collections import Counter
from collections.abc import Sequence

from docs.compiler.markdown import link_table, list_words, tabulate
from docs.compiler.tables import describe_budget
from instacart_assets.contracts.rules import compile_rules
from instacart_assets.settings import Settings
from instacart_assets.tables.declare import Table

HEAD = """\
# Service levels

What readers of the tables can rely on, and who is alerted when it does not hold. The table below is generated from the contracts
(`make pages`); what a deployment chooses for itself has a variable.

| promise | level | how it is kept |
| --- | --- | --- |
| fresh | the hours in the table below, since a table's last update | a freshness policy of each asset; in `staging` and `prod` the sensor `quality` alerts when it is broken |
| correct | no version that breaks a blocking rule is published | [audit before publish](../concepts/audit.md) |
| complete | every landed record is a row, an exact duplicate, superseded, or in quarantine | the blocking rule `every_row_is_accounted_for` |
| refused | at most the share in the table below | the blocking rule `refused_share_is_within_budget`, and one check per rule |
| readable | the last published version, also while the next one is built and when it is refused | [the lake](../concepts/lake.md) |
| time travel | every version of the last {time_travel_days} days | `INSTACART_TIME_TRAVEL_DAYS`; maintenance keeps them all |
| inspection | a refused version for {inspection_days} days | `INSTACART_INSPECTION_DAYS` |
| waiting | at most {lock_seconds:g} seconds for a table that another run is building | `INSTACART_LOCK_SECONDS`; then the run fails and says who holds it |
| alerts | at the next poll, every {look_seconds} seconds | `INSTACART_LOOK_SECONDS`, [alerts](../how-to/automation.md#when-somebody-is-told) |

[Performance](../performance.md) has how long a run takes, [the proof](../proof.md) what was tested. There is no service level for the
availability of a Databricks workspace, a network or a disk: the project cannot promise those.

## By table

*Blocking* rules keep a version from being published, *rejecting* ones send a row to quarantine, *warning* ones are reported.
"""


def document_service_levels(tables: Sequence[Table]) -> str:
    """The page of what is promised, with a row per table."""
    fields = Settings.model_fields
    levels = {
        name: fields[name].default
        for name in ("time_travel_days", "inspection_days", "lock_seconds", "look_seconds")
    }
    rows = []
    for table in tables:
        rules = Counter(rule.severity for rule in compile_rules(table.contract))
        rows.append(
            (
                link_table(table.address, "../tables/"),
                list_words(table.contract.owners),
                f"{table.contract.freshness_hours:g} h",
                describe_budget(table.contract),
                *(str(rules[severity]) for severity in ("block", "reject", "warn")),
            )
        )
    header = ("table", "owner", "fresh within", "refused at most", "blocking", "rejecting", "warning")
    return "\n".join([HEAD.format(**levels), *tabulate(header, rows), ""])
