"""Files of the emulated workspace, through the SDK and through dagster-databricks: what comes out is what went in."""

import base64
import io
import random
from pathlib import Path

import pytest
from dagster_databricks.databricks import DatabricksClient
from databricks.sdk import WorkspaceClient
from databricks.sdk.core import DatabricksError
from databricks.sdk.errors import (
    AlreadyExists,
    BadRequest,
    NotFound,
    PermissionDenied,
    ResourceAlreadyExists,
)

from instacart_assets_tests.workspace.driving import connect
from instacart_assets_tests.workspace.emulator import EmulatedWorkspace

FOLDER = "/Volumes/main/landing/files"
LARGE = random.Random(1).randbytes(2_500_000)  # noqa: S311 - no secret
"""More than two blocks of DBFS."""


def test_a_large_file_goes_through_dbfs(workspace: EmulatedWorkspace, client: WorkspaceClient) -> None:
    client.dbfs.upload("/staging/large", io.BytesIO(LARGE))
    assert client.dbfs.download("/staging/large").read() == LARGE
    assert sum(call.path.endswith("add-block") for call in workspace.calls) == 3


def test_the_stock_client_of_the_step_launcher_reads_what_it_put(workspace: EmulatedWorkspace) -> None:
    client = DatabricksClient(host=workspace.host, token=workspace.token)
    client.put_file(io.BytesIO(LARGE), "dbfs:///dagster_staging/code.zip")
    assert client.read_file("dbfs:///dagster_staging/code.zip") == LARGE
    with pytest.raises(ResourceAlreadyExists):
        client.put_file(io.BytesIO(b""), "dbfs:///dagster_staging/code.zip")
    client.put_file(io.BytesIO(b"new"), "dbfs:///dagster_staging/code.zip", overwrite=True)
    assert client.read_file("dbfs:///dagster_staging/code.zip") == b"new"


def test_a_file_of_dbfs_is_there_once_it_is_closed(client: WorkspaceClient) -> None:
    handle = client.dbfs.create("/late").handle
    assert handle is not None
    client.dbfs.add_block(handle, base64.b64encode(b"all of it").decode())
    assert not client.dbfs.exists("/late")
    client.dbfs.close(handle)
    assert client.dbfs.get_status("/late").file_size == 9


def test_blocks_of_dbfs_are_limited(client: WorkspaceClient) -> None:
    handle = client.dbfs.create("/large").handle
    assert handle is not None
    with pytest.raises(BadRequest) as refused:
        client.dbfs.add_block(handle, base64.b64encode(bytes(1_048_577)).decode())
    assert refused.value.error_code == "MAX_BLOCK_SIZE_EXCEEDED"
    client.dbfs.put("/small", contents="", overwrite=True)
    with pytest.raises(BadRequest) as refused:
        client.dbfs.read("/small", length=1_048_577)
    assert refused.value.error_code == "MAX_READ_SIZE_EXCEEDED"


def test_what_is_not_in_dbfs_has_an_error_code(client: WorkspaceClient) -> None:
    for ask in (client.dbfs.get_status, client.dbfs.read, lambda path: list(client.dbfs.list(path))):
        with pytest.raises(NotFound) as missing:
            ask("/nowhere")
        assert missing.value.error_code == "RESOURCE_DOES_NOT_EXIST"


def test_folders_of_dbfs_are_made_listed_and_deleted(client: WorkspaceClient) -> None:
    client.dbfs.mkdirs("/a/b")
    client.dbfs.put("/a/file", contents=base64.b64encode(b"text").decode())
    assert [(each.path, each.is_dir, each.file_size) for each in client.dbfs.list("/a")] == [
        ("/a/b", True, 0),
        ("/a/file", False, 4),
    ]
    with pytest.raises(DatabricksError) as refused:
        client.api_client.do("POST", "/api/2.0/dbfs/delete", body={"path": "/a"})
    assert refused.value.error_code == "IO_ERROR"
    client.dbfs.delete("/a", recursive=True)
    assert not client.dbfs.exists("/a")


def test_a_workspace_without_a_dbfs_root_refuses(tmp_path: Path) -> None:
    with EmulatedWorkspace(tmp_path, is_dbfs_enabled=False, has_spark=False) as workspace:
        client = connect(workspace)
        with pytest.raises(PermissionDenied, match="Public DBFS root is disabled"):
            client.dbfs.upload("/staging/file", io.BytesIO(b"x"))
        with pytest.raises(PermissionDenied):
            client.dbfs.get_status("/")


@pytest.mark.parametrize("content", [LARGE, b""], ids=["large", "empty"])
def test_a_file_goes_through_a_volume(client: WorkspaceClient, content: bytes) -> None:
    path = f"{FOLDER}/deep/er/name with space"
    client.files.upload(path, io.BytesIO(content))
    downloaded = client.files.download(path)
    assert downloaded.contents is not None
    assert downloaded.contents.read() == content
    assert client.files.get_metadata(path).content_length == len(content)
    with pytest.raises(AlreadyExists):
        client.files.upload(path, io.BytesIO(b"other"), overwrite=False)


def test_folders_of_a_volume_are_listed_page_by_page_and_deleted(
    workspace: EmulatedWorkspace, client: WorkspaceClient
) -> None:
    client.files.create_directory(f"{FOLDER}/folder")
    for number in range(3):
        client.files.upload(f"{FOLDER}/folder/{number}", io.BytesIO(b"x" * number))
    found = list(client.files.list_directory_contents(f"{FOLDER}/folder", page_size=2))
    assert [(each.name, each.file_size) for each in found] == [("0", 0), ("1", 1), ("2", 2)]
    assert sum(call.method == "GET" for call in workspace.calls) == 2
    with pytest.raises(BadRequest) as refused:
        client.files.delete_directory(f"{FOLDER}/folder")
    assert refused.value.error_code == "FILES_API_DIRECTORY_IS_NOT_EMPTY"
    for each in found:
        client.files.delete(f"{FOLDER}/folder/{each.name}")
    client.files.delete_directory(f"{FOLDER}/folder")
    with pytest.raises(NotFound):
        client.files.get_directory_metadata(f"{FOLDER}/folder")


def test_what_is_in_no_volume_is_not_found(client: WorkspaceClient) -> None:
    for ask in (client.files.download, client.files.get_metadata, client.files.delete):
        with pytest.raises(NotFound):
            ask(f"{FOLDER}/nothing")
    with pytest.raises(NotFound, match=r"Volume 'main.landing.other' does not exist"):
        client.files.upload("/Volumes/main/landing/other/file", io.BytesIO(b"x"))
