"""Wheels for tests: the project's own, and small ones with metadata and nothing to import."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from instacart_assets_tests.landing_files import zip_bytes

PROJECT = Path(__file__).parents[2]


def build_project_wheel(folder: Path) -> Path:
    """The project's wheel, built from the tree as it is."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)],
        cwd=PROJECT,
        capture_output=True,
        timeout=120,
        check=True,
    )
    (wheel,) = folder.glob("*.whl")
    return wheel


def make_wheel(name: str, version: str, requires: Sequence[str], python: str = ">=3.11") -> bytes:
    """The bytes of a wheel that requires these packages."""
    metadata = "\n".join(
        [
            "Metadata-Version: 2.4",
            f"Name: {name}",
            f"Version: {version}",
            f"Requires-Python: {python}",
            *(f"Requires-Dist: {requirement}" for requirement in requires),
            "",
        ]
    )
    return zip_bytes({f"{name.replace('-', '_')}-{version}.dist-info/METADATA": metadata})
