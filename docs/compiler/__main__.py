"""`make pages`: rewrites the pages and the drawing that are kept."""

import sys
from pathlib import Path

from docs.compiler.pages import write_pages

write_pages(Path(sys.argv[1]))
