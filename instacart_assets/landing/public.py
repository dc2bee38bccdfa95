"""How the publisher's own files are recognised.

Contains the fingerprints of the public dataset and nothing that reads or copies files.
"""

from collections.abc import Mapping

PUBLIC_FILES: Mapping[str, tuple[int, str, str]] = {
    "aisles": (2_603, "2c5f4677", "f3046067"),
    "departments": (270, "e6829cea", "3110fc43"),
    "products": (2_166_953, "abc61fdd", "295ea78b9"),
    "orders": (108_968_645, "92a60ced", "caa8b3bff89"),
    "order_products__train": (24_680_147, "d27c4034", "f18f75aea"),
    "order_products__prior": (577_550_706, "27b59dc9", "186359"),
}
"""Size in bytes, and first and last digits of the SHA-256, of the publisher's own files."""


def is_public_file(source: str, size: int, fingerprint: str) -> bool:
    """Whether a landed file is, by size and hash, the publisher's own.

    Args:
        source: the source it belongs to, e.g. ``orders``.
        size: its size in bytes.
        fingerprint: SHA-256 of its bytes, in hexadecimal.
    """
    if source not in PUBLIC_FILES:
        return False
    public_size, start, end = PUBLIC_FILES[source]
    return size == public_size and fingerprint.startswith(start) and fingerprint.endswith(end)
