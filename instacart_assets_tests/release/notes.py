"""The notes of a release: what the changelog says of the version, printed by `make release-notes`."""

import sys

from instacart_assets import __version__
from instacart_assets_tests.project_tree import ROOT
from instacart_assets_tests.release.check import read_sections

if __name__ == "__main__":
    sections = dict(read_sections((ROOT / "CHANGELOG.md").read_text("utf-8")))
    if __version__ not in sections:
        sys.exit(f"CHANGELOG.md has no section of {__version__}: give its newest one that heading")
    sys.stdout.write(sections[__version__] + "\n")
