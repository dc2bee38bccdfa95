"""Small wheels for tests: metadata and nothing to import."""

from collections.abc import Sequence

from instacart_assets_tests.landing_files import zip_bytes


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
