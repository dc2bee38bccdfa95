"""Builds tables on serverless compute: Dagster submits a task of the installed wheel, which builds and reports back.

Contains the builder of the target ``serverless``. The code that calls the workspace is imported with the first table
that is built; how tasks are submitted and awaited is in ``pipes.py``.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import dagster as dg

from instacart_assets.contracts.model import Contract
from instacart_assets.settings import Settings
from instacart_assets.tables.declare import Table
from instacart_assets.tables.result import BuildResult, read_result

if TYPE_CHECKING:
    from instacart_assets.databricks.pipes import ServerlessTasks


class ServerlessBuilder:
    """Builds tables on serverless compute.

    Args:
        settings: lake, landing, and where to stage.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @cached_property
    def _tasks(self) -> "ServerlessTasks":
        from instacart_assets.databricks.pipes import ServerlessTasks  # noqa: PLC0415 - takes seconds
        from instacart_assets.databricks.preflight import require_preflight  # noqa: PLC0415 - as above

        require_preflight(self._settings)
        return ServerlessTasks(self._settings)

    def build(
        self, table: Table, landed: Sequence[Contract], context: dg.AssetExecutionContext
    ) -> BuildResult:
        """Build and publish the next version of a table there; see ``build_table``.

        Raises:
            RemediableError: the build failed there, or could not be submitted.
        """
        arguments = ["--select", table.address, "--landed", *(contract.address for contract in landed)]
        return read_result(self._tasks.run(arguments, table.address, context))
