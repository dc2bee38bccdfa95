"""Generates pages and drawings from the product's own definitions.

Renders contracts, the graph, the command line and the settings as documentation. It is not part of the package, which
runs without any page. Pages are kept as Markdown, so that they read the same in the repository; lineage drawings are
made while the site is built.
"""
