"""Compiles what the product knows of itself to pages and drawings.

Here lives how contracts, the graph, the command line and the settings read as documentation. Nothing here is part of the
package: no page is needed to run it. Pages are kept as Markdown, so that they read the same in the repository; drawings of
lineage are made while the site is built.
"""
