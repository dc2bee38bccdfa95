"""Lists the package's modules, on one page per subpackage, from which Sphinx generates their documentation.

The pages are made while the site is built and are not kept: in the repository one reads the modules themselves.
"""

import pkgutil
from pathlib import Path

import instacart_assets

NAME = instacart_assets.__name__
ROOT_PAGE = "root"
"""Name of the page of the modules that are in no subpackage."""

MODULE = """\
## `{name}`

```{{eval-rst}}
.. automodule:: {name}
   :members:
   :show-inheritance:
```
"""


def document_modules() -> dict[str, str]:
    """The text of each page of modules, by subpackage."""
    rooms: dict[str, list[str]] = {}
    for module, room in list_modules().items():
        rooms.setdefault(room, []).append(module)
    return {
        room: "\n".join([_title(room), "", *(MODULE.format(name=name) for name in names)])
        for room, names in rooms.items()
    }


def list_modules() -> dict[str, str]:
    """The subpackage of each module of the package; a subpackage is listed before its modules."""
    found = {}
    for module in pkgutil.walk_packages(instacart_assets.__path__, f"{NAME}."):
        room, _, rest = module.name.removeprefix(f"{NAME}.").partition(".")
        found[module.name] = room if rest or module.ispkg else ROOT_PAGE
    return found


def write_modules(folder: Path) -> None:
    """Write one page per subpackage into a folder, and delete other pages there."""
    folder.mkdir(parents=True, exist_ok=True)
    pages = {folder / f"{room}.md": text for room, text in document_modules().items()}
    for path in set(folder.glob("*.md")) - pages.keys():
        path.unlink()
    for path, text in pages.items():
        if not path.exists() or path.read_text("utf-8") != text:  # else Sphinx would read it again
            path.write_text(text, "utf-8")


def _title(room: str) -> str:
    return f"# `{NAME}`" if room == ROOT_PAGE else f"# `{NAME}.{room}`"
