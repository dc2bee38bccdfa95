"""Whether the Databricks bundle can be deployed, checked without a workspace.

Finds what ``databricks bundle validate`` finds only after a login, and what it does not find at all. It reads
``databricks.yml`` and what that includes, and changes nothing. It is a tool of the repository and is not in the wheel.

    python -m deploy.bundle_check
"""
