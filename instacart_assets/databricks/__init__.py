"""Databricks: how steps get to a cluster, and what comes back.

Contains everything that knows about a workspace. How tables are built is defined elsewhere: the same asset bodies run
on every target. Dagster-databricks and the SDK are imported only where a workspace is called, never while
definitions load.
"""
