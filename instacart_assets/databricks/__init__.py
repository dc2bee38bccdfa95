"""Databricks: how steps get to a cluster, and what of them comes back.

Here lives everything that knows a workspace. How tables are built is not its business: the same asset bodies run
on every target. Dagster-databricks and the SDK are imported only where a workspace is reached, never while
definitions load.
"""
