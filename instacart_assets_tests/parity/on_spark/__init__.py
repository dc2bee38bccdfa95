"""How Spark publishes Delta tables: cases that a worker of the parity tests runs in its process, with its session."""
