"""Checks, before anything is sent or built, whether a run can succeed: reports all faults at once, in seconds.

The entry point: which checks each kind of target gets, and what happens to faults before a run. What is examined is
in the modules of checks; building tables on this machine needs no SDK.
"""

import os
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial

from instacart_assets.databricks.outcomes import Inspection, Outcome, failed
from instacart_assets.errors import RemediableError
from instacart_assets.places import for_python
from instacart_assets.settings import REMOTE_TARGETS, Settings

INSPECTION_SECONDS = 30.0
"""Time after which no further check is started."""

TRUSTED_SECONDS = 600.0
"""How long a preflight without faults is not repeated in the same process."""

_trusted: dict[tuple[str, str | None], tuple[float, tuple[Outcome, ...]]] = {}
_lock = threading.Lock()


class PreflightError(RemediableError):
    """A run would fail; the message names every fault with its remedy."""


def run_preflight(settings: Settings, on_check: Callable[[str], object] = str) -> tuple[Outcome, ...]:
    """Check everything that a run with these settings needs.

    Args:
        settings: their target determines what is needed.
        on_check: called with the name of each check before it runs.

    Returns:
        An outcome for every check, in the order in which they ran.
    """
    if settings.target in REMOTE_TARGETS:
        return _inspect_workspace(settings, on_check)
    return _inspect_here(settings, on_check)


def require_preflight(settings: Settings) -> tuple[Outcome, ...]:
    """Require that a run can succeed, checked once for all its steps.

    A result without faults is trusted for some minutes, so later steps in the same process cost nothing.

    Returns:
        The outcomes, including warnings.

    Raises:
        PreflightError: there are faults.
    """
    key = (settings.model_dump_json(), os.environ.get("DATABRICKS_HOST"))
    with _lock:
        made, outcomes = _trusted.get(key, (0.0, ()))
        if outcomes and time.monotonic() - made < TRUSTED_SECONDS:
            return outcomes
        outcomes = run_preflight(settings)
        faults = find_faults(outcomes)
        if faults:
            lines = "\n".join(f"- {fault}" for fault in faults)
            raise PreflightError(
                f"a run on {settings.target} would not go well:\n{lines}\n"
                "mend this and see that it is: instacart preflight"
            )
        _trusted[key] = (time.monotonic(), outcomes)
        return outcomes


def find_faults(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Outcomes with which a run would fail."""
    return [outcome for outcome in outcomes if outcome.state == "failed"]


def _inspect_workspace(settings: Settings, on_check: Callable[[str], object]) -> tuple[Outcome, ...]:
    try:
        from instacart_assets.databricks import inspections  # noqa: PLC0415 - the SDK is optional
    except ModuleNotFoundError as error:
        return (failed("installation", f"{error}", "install instacart-assets[databricks]"),)
    return inspections.inspect_workspace(settings, INSPECTION_SECONDS, on_check)


def _inspect_here(settings: Settings, on_check: Callable[[str], object]) -> tuple[Outcome, ...]:
    """Checks of the targets that build tables in this process, which may run on a cluster's driver."""
    from instacart_assets.databricks import engine_checks  # noqa: PLC0415 - no other target imports the engine

    inspection = Inspection(INSPECTION_SECONDS, on_check=on_check)
    if settings.target == "spark":
        inspection.judge("java", partial(engine_checks.check_java, "java"))
        inspection.judge("spark", partial(engine_checks.check_pyspark, "spark"))
        inspection.judge("delta", partial(engine_checks.check_jars, "delta"))
    elif settings.target == "local":
        inspection.judge("engine", partial(engine_checks.check_engine, "engine"))
    inspection.judge("landing", partial(engine_checks.check_landed, "landing", for_python(settings.landing)))
    if settings.is_lake_local:
        inspection.judge("lake", partial(engine_checks.check_lake, "lake", settings.lake_folder))
    return tuple(inspection.outcomes)
