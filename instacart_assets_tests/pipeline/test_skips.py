"""Where all parts are installed, only what may be skipped is skipped."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from instacart_assets_tests.project_tree import ROOT

TESTS = """
import pytest

def test_of_rows_that_are_not_here() -> None:
    pytest.skip("INSTACART_SAMPLE is not set")

@pytest.mark.skipif(True, reason="there is no Java")
def test_of_a_part_that_is_missing() -> None: ...
"""


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, "2 skipped"),
        ({"INSTACART_NO_SKIPS": "1"}, "1 failed, 1 error"),
        ({"INSTACART_NO_SKIPS": "1", "INSTACART_MAY_SKIP": "INSTACART_SAMPLE"}, "1 skipped, 1 error"),
    ],
)
def test_a_skip_that_may_not_be_is_a_failure(tmp_path: Path, settings: dict[str, str], told: str) -> None:
    (tmp_path / "test_parts.py").write_text(TESTS, "utf-8")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "instacart_assets_tests.conftest",
            "--rootdir",
            tmp_path,
            tmp_path,
        ],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | settings,
        capture_output=True,
        check=False,
        text=True,
        timeout=120,
    )
    assert told in done.stdout.splitlines()[-1]
