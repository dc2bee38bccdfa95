"""The transforms run unchanged on the embedded engine and on Apache Spark with Delta, and make the same tables."""
