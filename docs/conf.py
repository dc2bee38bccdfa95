"""How Sphinx builds the documentation: `make docs`.

Here lives the site's setup. Pages are the Markdown files of this folder and read the same in the repository; a page
loads nothing from another host.
"""

from instacart_assets import __version__

project = "Instacart assets"
author = "Instacart assets' contributors"
version = release = __version__

extensions = ["myst_parser"]
exclude_patterns = ["_build"]
nitpicky = True

# Headings get the anchors that they have in the repository, so that a link to one works in both.
myst_heading_anchors = 4

html_theme = "furo"
html_title = f"{project} {version}"
html_show_copyright = False
html_copy_source = False
html_use_index = False
html_theme_options = {"footer_icons": []}
