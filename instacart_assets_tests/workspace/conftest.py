"""A workspace without Spark for each test that asks for one."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from databricks.sdk import WorkspaceClient

from instacart_assets_tests.workspace.driving import connect
from instacart_assets_tests.workspace.emulator import EmulatedWorkspace

VOLUME = "main.landing.files"


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[EmulatedWorkspace]:
    with EmulatedWorkspace(
        tmp_path / "workspace", volumes=[VOLUME], secret_values={"scope/key": "hush"}, has_spark=False
    ) as made:
        yield made


@pytest.fixture
def client(workspace: EmulatedWorkspace) -> WorkspaceClient:
    return connect(workspace)
