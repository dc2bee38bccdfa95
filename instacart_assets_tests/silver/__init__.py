"""Tests of the silver layer: pure functions on frames small enough to check by eye."""
