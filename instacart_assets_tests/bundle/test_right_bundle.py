"""The bundle as it is: nothing is wrong with it, and the command says so."""

import subprocess
import sys
from pathlib import Path

import pytest

from deploy.bundle_check.check import check_bundle
from deploy.bundle_check.files import BundleError
from deploy.bundle_check.schedules import find_cron_fault
from instacart_assets_tests.bundle.conftest import ROOT, Copy
from instacart_assets_tests.bundle.test_wrong_bundles import EXTRA, JOB


def test_nothing_is_wrong_with_the_bundle_for_any_target() -> None:
    report = check_bundle(ROOT)
    assert [str(finding) for finding in report.findings] == []
    assert report.targets == ("dev", "staging", "prod")


def test_nothing_is_wrong_with_what_the_wrong_ones_are_made_of(bundle: Copy) -> None:
    bundle.add(EXTRA, JOB)
    assert bundle.check() == []


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "deploy.bundle_check", str(folder)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def test_the_command_ends_well_or_says_why_not(bundle: Copy) -> None:
    assert run(ROOT).stdout == "The bundle is sound for dev, staging, prod.\n"
    bundle.replace("databricks.yml", "engine: direct", "engine: terraform")
    done = run(bundle.root)
    assert done.returncode == 1
    assert done.stdout.startswith("databricks.yml:6: bundle.engine: ")
    assert len(done.stdout.splitlines()) == 1  # a fault of all targets is told once


def test_what_is_no_bundle_is_told_in_a_sentence(bundle: Copy) -> None:
    bundle.add("resources/extra.yml", "resources: [")
    with pytest.raises(BundleError, match=r"resources/extra\.yml: is no YAML"):
        bundle.check()
    (bundle.root / "databricks.yml").unlink()
    with pytest.raises(BundleError, match=r"databricks\.yml: there is no such file"):
        bundle.check()


@pytest.mark.parametrize(
    "expression",
    [
        "0 30 5 * * ?",
        "0 0/15 8-18 ? * MON-FRI",
        "0 0 12 L * ?",
        "0 0 12 1,15 JAN,JUL ? 2030",
        "0 0 12 ? * 6#3",
        "0 0 12 ? * FRIL",
        "0 0 12 15W * ?",
    ],
)
def test_expressions_that_quartz_takes(expression: str) -> None:
    assert find_cron_fault(expression) is None


@pytest.mark.parametrize(
    ("expression", "fault"),
    [
        ("0 0 12 * * *", "must be ?"),
        ("0 0 12 ? * ?", "must be ?"),
        ("0 60 12 * * ?", "60 is no minute"),
        ("0 0 12 32 * ?", "32 is no day of month"),
        ("0 0 12 ? * 0", "0 is no day of week"),
        ("0 0/0 12 * * ?", "0/0 is no minute"),
        ("0 0 12 * 13 ?", "13 is no month"),
        ("0 0 12 * * ? 1", "1 is no year"),
        ("hourly", "1 fields"),
    ],
)
def test_expressions_that_quartz_refuses(expression: str, fault: str) -> None:
    assert fault in (find_cron_fault(expression) or "")
