"""Synthetic grocery orders with the layout and the statistics of the public Instacart files."""
