"""A wheel holds all that the package needs; what lacks something, or is called wrongly, is not released."""

import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from instacart_assets import __version__
from instacart_assets.contracts.load import load_contracts
from instacart_assets_tests.project_tree import ROOT
from instacart_assets_tests.release.check import (
    NAME,
    find_changelog_faults,
    find_faults,
    find_metadata_faults,
    read_wheel,
)

WHEEL = f"{NAME}-py3-none-any.whl"
METADATA = f"{NAME}.dist-info/METADATA"
SUMMARY = "Summary: A lakehouse of grocery sales on Dagster: six raw CSV files to trustworthy Delta tables.\n"


def build(folder: Path) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True, timeout=120)
    return folder


def change_wheel(folder: Path, change: Callable[[dict[str, bytes]], None]) -> None:
    files = read_wheel(folder / WHEEL)
    change(files)
    with zipfile.ZipFile(folder / WHEEL, "w") as wheel:
        for name, content in files.items():
            wheel.writestr(name, content)


@pytest.fixture(scope="module")
def metadata(tmp_path_factory: pytest.TempPathFactory) -> str:
    return read_wheel(build(tmp_path_factory.mktemp("dist")) / WHEEL)[METADATA].decode()


def test_what_is_built_from_this_tree_may_be_released(tmp_path: Path) -> None:
    assert find_faults(build(tmp_path)) == []


def test_the_wheel_holds_every_contract_and_data_file(tmp_path: Path) -> None:
    files = read_wheel(build(tmp_path) / WHEEL)
    contracts = {f"instacart_assets/contracts/{table.replace('.', '/')}.yml" for table in load_contracts()}
    data = {path.relative_to(ROOT).as_posix() for path in (ROOT / "instacart_assets").rglob("*.json")}
    assert len(contracts) > 20
    assert len(data) > 1
    assert contracts | data <= files.keys()


def test_a_wheel_is_made_the_same_each_time(tmp_path: Path) -> None:
    first, again = (build(tmp_path / name) / WHEEL for name in ("first", "again"))
    assert first.read_bytes() == again.read_bytes()


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (
            lambda files: files.pop("instacart_assets/contracts/gold/dim_date.yml"),
            "the wheel lacks instacart_assets/contracts/gold/dim_date.yml",
        ),
        (
            lambda files: files.update({"instacart_assets/left_over.py": b""}),
            "the wheel holds instacart_assets/left_over.py, which the tree does not",
        ),
        (
            lambda files: files.update({"instacart_assets/cli.py": b""}),
            "the wheel has another instacart_assets/cli.py than the tree",
        ),
        (
            lambda files: files.update({f"{NAME}.dist-info/entry_points.txt": b"[console_scripts]\n"}),
            "the wheel has no command instacart",
        ),
    ],
)
def test_a_wheel_unlike_the_tree_is_not_released(
    tmp_path: Path, change: Callable[[dict[str, bytes]], None], fault: str
) -> None:
    change_wheel(build(tmp_path), change)
    assert fault in find_faults(tmp_path)


def test_two_wheels_are_not_released(tmp_path: Path) -> None:
    (build(tmp_path) / "instacart_assets-0.0.9-py3-none-any.whl").touch()
    (fault,) = find_faults(tmp_path)
    assert "not one wheel and one source archive" in fault


@pytest.mark.parametrize(
    ("stated", "instead", "fault"),
    [
        (SUMMARY, "", "metadata: no summary"),
        ("Requires-Python: <3.14", "Requires-Python: three", "metadata: "),
        ("License-Expression: Apache-2.0", "License-Expression: Free", "metadata: "),
        (f"Version: {__version__}", "Version: 99.0", "metadata: version 99.0"),
    ],
)
def test_metadata_that_are_not_whole_are_not_released(
    metadata: str, stated: str, instead: str, fault: str
) -> None:
    assert find_metadata_faults(metadata.encode()) == []
    faults = find_metadata_faults(metadata.replace(stated, instead, 1).encode())
    assert [one for one in faults if one.startswith(fault)] == faults != []


@pytest.mark.parametrize(
    ("newest", "tags", "faults"),
    [
        ("Unreleased", [], 0),
        (f"{__version__} - 2026-11-25", [], 0),
        (f"{__version__} - 2026-11-25", [f"v{__version__}", "candidate"], 0),
        ("Unreleased", [f"v{__version__}"], 1),
        (f"{__version__}.1 - 2026-11-25", [], 1),
        (f"{__version__} - 2026-11-25", ["v99.0"], 1),
    ],
)
def test_changelog_tag_and_version_agree(newest: str, tags: list[str], faults: int) -> None:
    changelog = f"# Changelog\n\n## {newest}\n### Added\n- This.\n\n## 0.0.1 - 2026-01-01\n- That.\n"
    assert len(find_changelog_faults(changelog, tags)) == faults
