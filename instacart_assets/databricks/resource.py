"""The step launcher as a resource of the code location.

The only entry point through which definitions use this package. A workspace is called, and the code that calls it is
imported, when a run first needs the launcher.
"""

from typing import Any

import dagster as dg

from instacart_assets.settings import LAUNCHER_TARGETS, Settings


def make_launcher_resource(settings: Settings) -> dg.ResourceDefinition:
    """The resource ``pyspark_step_launcher``: a step launcher for the targets that have one, else none."""
    if settings.target not in LAUNCHER_TARGETS:
        return dg.ResourceDefinition.none_resource()

    def launch(_: dg.InitResourceContext) -> Any:
        from instacart_assets.databricks.launcher import make_launcher  # noqa: PLC0415 - takes seconds
        from instacart_assets.databricks.preflight import require_preflight  # noqa: PLC0415 - as above

        require_preflight(settings)
        return make_launcher(settings)

    return dg.ResourceDefinition(launch, description="Sends each step to a Databricks cluster.")
