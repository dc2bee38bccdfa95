"""Tests of the gold layer: pure functions on frames small enough to check by eye."""
