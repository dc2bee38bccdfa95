"""A small code location whose steps are launched: what each step does, its config says.

It is staged as it is and runs on the emulated cluster, so nothing of the emulator is imported here.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg

import instacart_assets
import instacart_assets_tests
from instacart_assets.settings import LAUNCHER_TARGETS, load_settings

PACKAGES = tuple(Path(package.__path__[0]) for package in (instacart_assets_tests, instacart_assets))
ROWS = 3


class Behaviour(dg.Config):
    """What a step does besides making its asset."""

    does: str = "succeed"


class Mishap(Exception):  # noqa: N818 - as it is to be read in an event
    """What a body raises that is told to."""


@dg.resource
def launcher(_: dg.InitResourceContext) -> Any:
    """The launcher of the environment's settings, read when a run begins."""
    settings = load_settings()
    if settings.target not in LAUNCHER_TARGETS:
        return None
    from instacart_assets.databricks.launcher import make_launcher  # noqa: PLC0415 - the cluster has no SDK to speak of

    return make_launcher(settings, PACKAGES)


def behave(does: str, attempt: int) -> None:
    print("told to", does)  # noqa: T201
    print("and doing so", file=sys.stderr)  # noqa: T201
    match does:
        case "raise":
            raise Mishap("the body could not go on")
        case "raise_once" if attempt == 0:
            raise Mishap("the body could not go on")
        case "die":
            die()
        case "die_once" if attempt == 0:
            die()
        case "sleep":
            time.sleep(300)
        case "linger":
            threading.Thread(target=time.sleep, args=[300]).start()
        case "tell_secret_length":
            print("length of the secret:", len(os.environ["DATABASE_PASSWORD"]))  # noqa: T201


def die() -> None:
    # What has been printed gets into a report first.
    time.sleep(1.5)
    os.kill(os.getpid(), signal.SIGKILL)


@dg.asset(
    required_resource_keys={"pyspark_step_launcher"},
    retry_policy=dg.RetryPolicy(max_retries=1),
    code_version="1",
)
def raw(context: dg.AssetExecutionContext, config: Behaviour) -> dg.MaterializeResult[Any]:
    behave(config.does, context.retry_number)
    settings = load_settings()
    told = {"target": settings.target, "full": settings.full, "as_of": str(settings.as_of)}
    return dg.MaterializeResult(metadata={"rows": ROWS, **told}, data_version=dg.DataVersion("raw-1"))


@dg.asset(
    deps=[raw],
    code_version="1",
    check_specs=[
        dg.AssetCheckSpec("is_whole", asset="clean", blocking=True),
        dg.AssetCheckSpec("is_pretty", asset="clean"),
    ],
    required_resource_keys={"pyspark_step_launcher"},
)
def clean(context: dg.AssetExecutionContext, config: Behaviour) -> Iterator[Any]:
    behave(config.does, context.retry_number)
    yield dg.MaterializeResult(
        check_results=[
            dg.AssetCheckResult(
                check_name="is_whole", passed=config.does != "fail_check", metadata={"lost": 0}
            ),
            dg.AssetCheckResult(check_name="is_pretty", passed=False, severity=dg.AssetCheckSeverity.WARN),
        ]
    )


@dg.multi_asset(
    specs=[
        dg.AssetSpec("totals", deps=[clean], code_version="1"),
        dg.AssetSpec("shares", deps=["totals"], code_version="1"),
    ],
    required_resource_keys={"pyspark_step_launcher"},
)
def summarise() -> Iterator[Any]:
    yield dg.MaterializeResult(asset_key="totals")
    yield dg.MaterializeResult(asset_key="shares")


@dg.asset_check(asset=clean, required_resource_keys={"pyspark_step_launcher"})
def is_plausible() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


def build_defs() -> dg.Definitions:
    return dg.Definitions(
        assets=[raw, clean, summarise],
        asset_checks=[is_plausible],
        resources={"pyspark_step_launcher": launcher},
        jobs=[dg.define_asset_job("things", selection=dg.AssetSelection.all())],
        executor=dg.multi_or_in_process_executor,
    )


def build_job() -> dg.JobDefinition:
    return build_defs().resolve_job_def("things")
