"""How Sphinx builds the documentation: `make docs`.

Pages are the Markdown files of this folder and read the same in the repository; a page loads nothing from another
host.
"""

import logging
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from instacart_assets import __version__

project = "Instacart assets"
author = "Instacart assets' contributors"
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "docs.compiler.site"]
exclude_patterns = ["_build"]
nitpicky = True
# Types in signatures may be private, variables, or from other libraries, for which no inventory is fetched.
nitpick_ignore_regex = [("py:class", ".*"), ("py:.*", r"(?!instacart_assets\.).*")]
# A new page is listed through a glob pattern, which may match nothing.
suppress_warnings = ["toc.empty_glob"]

# Headings get the same anchors as in the repository, so that links to them work in both.
myst_heading_anchors = 4

# It logs what it leaves out of its own documentation.
logging.getLogger("great_expectations").setLevel(logging.WARNING)

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
python_maximum_signature_line_length = 88
python_use_unqualified_type_names = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
# Thousands of names in every page's navigation would take longer to build than everything else.
toc_object_entries = False

html_theme = "furo"
html_title = f"{project} {version}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_copyright = False
html_copy_source = False
html_use_index = False
html_theme_options = {"footer_icons": []}
