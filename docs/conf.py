"""How the docs are built: ``make docs``. A warning is an error."""

import importlib.metadata

project = "cactuprivacy"
author = "The cactuprivacy authors"
copyright = "2026, The cactuprivacy authors"
release = importlib.metadata.version("cactuprivacy")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_click"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

# Types stand in the signatures.
napoleon_google_docstring = True
napoleon_numpy_docstring = False
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "show-inheritance": False}

html_theme = "furo"
html_title = "cactuprivacy"
html_show_sphinx = False
html_css_files: list[str] = []
exclude_patterns = ["_build"]
