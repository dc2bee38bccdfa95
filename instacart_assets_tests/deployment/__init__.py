"""What deploys Dagster for others: files, processes, the proxy."""
