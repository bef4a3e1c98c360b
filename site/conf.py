"""Sphinx's configuration of the reading site; `make site` writes the sources, see `tools/site.py`."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from tools import links  # noqa: E402

project = "Unrolled"
language = "en"
extensions = ["myst_nb", "sphinx.ext.mathjax", "sphinx-mathjax-offline", "sphinx_copybutton"]
smartquotes = False  # prose stands as in the notebooks

# Notebooks are shown as they are stored. Their sliders are figures there, so the scripts that draw widgets,
# which would come from elsewhere, are left out.
nb_execution_mode = "off"
nb_ipywidgets_js: dict[str, dict[str, str]] = {}
myst_enable_extensions = ["amsmath", "colon_fence", "dollarmath"]
myst_heading_anchors = 4

html_theme = "sphinx_book_theme"
html_title = "Unrolled"
html_favicon = str(HERE / "_static" / "favicon.svg")
html_static_path = [str(HERE / "_static")]
html_css_files = ["unrolled.css"]
html_js_files = [("tables.js", {"defer": "defer"})]
html_context = {"default_mode": "auto"}  # dark where the reader's screen is
html_copy_source = False  # the notebooks of the project are the source, and each page links its own
html_show_sourcelink = False
html_theme_options = {
    "repository_url": f"https://github.com/{links.repository()}",
    "use_repository_button": True,
    "use_download_button": False,
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "footer_content_items": [],
}
copybutton_selector = (
    "div.cell_input pre, div.highlight-python pre, div.highlight-sh pre, div.highlight-bash pre"
)
