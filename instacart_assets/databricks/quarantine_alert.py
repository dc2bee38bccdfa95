"""A Databricks alert on quarantined rows that nobody has dealt with.

Its description is generated from the contracts, so that no table that can refuse rows is left out.
"""

from typing import TYPE_CHECKING, Any, cast

from instacart_assets.contracts.load import load_contracts
from instacart_assets.contracts.model import QUARANTINE
from instacart_assets.contracts.quarantine import quarantine_address
from instacart_assets.databricks.native_job import OPERATORS, name_mailbox
from instacart_assets.databricks.scheduled_jobs import spell_quartz
from instacart_assets.settings import ScheduleSettings

if TYPE_CHECKING:
    from databricks.bundles.alerts import AlertDict
    from databricks.bundles.core import Bundle, Resources

ALERT = "open_quarantine"

OPEN_ROWS = "open_rows"
"""The column that is compared with the threshold."""

CRON = "0 * * * *"
"""Hourly: rows can be quarantined whenever files land."""

AGAIN_SECONDS = 24 * 60 * 60
"""Time between two notifications of the same problem."""

SCHEMA = f"`${{var.catalog}}`.`${{var.schema_prefix}}{QUARANTINE}`"
"""The schema of the quarantine, spelt with a bundle's variables."""


def spell_query() -> str:
    """The query that counts open rows in each quarantine table, the most first."""
    addresses = [
        quarantine_address(contract) for contract in load_contracts().values() if contract.has_quarantine
    ]
    counts = "\nUNION ALL\n".join(
        f"SELECT '{address}' AS quarantine, count_if(status = 'open') AS {OPEN_ROWS} "  # noqa: S608 - the contracts' own names
        f"FROM {SCHEMA}.`{address.partition('.')[2]}`"
        for address in addresses
    )
    return f"SELECT quarantine, {OPEN_ROWS} FROM (\n{counts}\n) ORDER BY {OPEN_ROWS} DESC, quarantine"  # noqa: S608 - as above


def describe_alert() -> dict[str, Any]:
    """The alert in Databricks' form: it is triggered while any row is open."""
    return {
        "display_name": "Instacart: rows wait in quarantine",
        "query_text": spell_query(),
        "warehouse_id": "${var.warehouse_id}",
        "schedule": {
            "quartz_cron_schedule": spell_quartz(CRON),
            "timezone_id": ScheduleSettings().timezone,
            # The mode of a bundle's target pauses jobs, but not alerts.
            "pause_status": "${var.alert_pause_status}",
        },
        "evaluation": {
            "source": {"name": OPEN_ROWS, "aggregation": "SUM"},
            "comparison_operator": "GREATER_THAN",
            "threshold": {"value": {"double_value": 0}},
            "empty_result_state": "OK",
            "notification": {
                "subscriptions": [{"user_email": name_mailbox(OPERATORS)}],
                "notify_on_ok": True,
                "retrigger_seconds": AGAIN_SECONDS,
            },
        },
        "custom_summary": "Instacart: {{ALERT_STATUS}}, {{QUERY_RESULT_VALUE}} rows wait in quarantine",
        "custom_description": "Look at the tables of the schema quarantine to see why. Land corrected rows, or discard "
        "them, in a notebook: docs/how-to/databricks.md, Refused rows and earlier versions there.",
    }


def load_resources(bundle: "Bundle") -> "Resources":  # noqa: ARG001 - the bundle passes it
    """What a bundle's Python support loads: the alert, under its own name."""
    from databricks.bundles.alerts import Alert  # noqa: PLC0415 - not installed with the package, for its licence
    from databricks.bundles.core import Resources  # noqa: PLC0415 - as above

    resources = Resources()  # type: ignore[no-untyped-call] # the library has no types there
    resources.add_alert(ALERT, Alert.from_dict(cast("AlertDict", describe_alert())))
    return resources
