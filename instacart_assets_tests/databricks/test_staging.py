"""What is sent to a cluster, and where it is laid down."""

import io
import zipfile
from pathlib import Path

import pytest

from instacart_assets.databricks.launcher import PACKAGE
from instacart_assets.databricks.staging import (
    BLOCK_BYTES,
    DBFS_STAGING,
    DbfsStaging,
    Staging,
    VolumeStaging,
    dbfs_root,
    make_staging,
    zip_packages,
)
from instacart_assets.databricks.workspace import Workspace, WorkspaceError, connect
from instacart_assets.settings import DatabricksSettings, Settings, SettingsError
from instacart_assets_tests.databricks.conftest import PATIENCE, VOLUME, Launching


def list_names(archive: bytes) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return opened.namelist()


def test_the_package_is_sent_with_contracts_and_calibration_and_without_caches() -> None:
    names = list_names(zip_packages([PACKAGE]))
    on_disk = {
        file.relative_to(PACKAGE.parent).as_posix()
        for pattern in ("*.py", "*.yml", "*.json", "*.sql", "*.css", "*.j2")
        for file in PACKAGE.rglob(pattern)
    }
    assert set(names) == on_disk
    assert "instacart_assets/contracts/gold/dim_date.yml" in names


@pytest.mark.parametrize("above", ["pytest-of-somebody", "venv", "logs"])
def test_it_does_not_matter_where_a_package_lies(tmp_path: Path, above: str) -> None:
    package = tmp_path / above / "shop"
    for name in (
        "__init__.py",
        "tables/orders.yml",
        ".git/config",
        "__pycache__/a.pyc",
        "a/__pycache__/b.pyc",
    ):
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text(name)
    first = zip_packages([package])
    assert list_names(first) == ["shop/__init__.py", "shop/tables/orders.yml"]
    (package / "__init__.py").touch()
    assert zip_packages([package]) == first


@pytest.mark.parametrize("written", [None, "dagster_staging", "/dagster_staging/", "dbfs:/dagster_staging"])
def test_a_folder_of_dbfs_may_be_written_in_several_ways(written: str | None) -> None:
    assert dbfs_root(written) == DBFS_STAGING


@pytest.fixture
def connected(launching: Launching) -> Workspace:  # noqa: ARG001 - its environment is what is connected to
    return connect(PATIENCE)


@pytest.fixture(params=[DbfsStaging, VolumeStaging])
def staging(request: pytest.FixtureRequest, connected: Workspace) -> Staging:
    root = VOLUME if request.param is VolumeStaging else DBFS_STAGING
    made = request.param(connected, root)
    assert isinstance(made, Staging)
    return made


@pytest.mark.parametrize("size", [0, 10, BLOCK_BYTES, 2 * BLOCK_BYTES + 1])
def test_what_is_put_is_read_until_it_is_deleted(staging: Staging, launching: Launching, size: int) -> None:
    content = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    staging.put("step", "file", b"what was there before")
    staging.put("step", "file", content)
    assert staging.read("step", "file") == content
    staging.delete("step")
    assert staging.read("step", "file") == b""
    assert launching.list_staged() == []
    staging.delete("step")


def test_the_cluster_finds_what_was_put(staging: Staging, launching: Launching) -> None:
    staging.put("step", "file", b"content")
    for place in (
        staging.address("step", "file"),
        f"{staging.mounted('step')}/file".replace("/dbfs", "dbfs:"),
    ):
        assert launching.workspace.folders.find(place).read_bytes() == b"content"


def test_a_volume_that_is_missing_is_told_with_what_it_takes(connected: Workspace) -> None:
    with pytest.raises(WorkspaceError, match="WRITE VOLUME"):
        VolumeStaging(connected, "/Volumes/main/ops/nowhere").put("step", "file", b"content")


def test_a_volume_is_refused_for_the_target_that_stages_in_dbfs(connected: Workspace) -> None:
    settings = Settings(target="databricks", databricks=DatabricksSettings(staging=VOLUME))
    with pytest.raises(SettingsError, match="INSTACART_TARGET=databricks_uc"):
        make_staging(settings, connected)
