"""Databricks: what is asked of a workspace, and what is sent there."""
