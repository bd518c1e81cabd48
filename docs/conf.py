"""Sphinx configuration."""

from importlib.metadata import version as installed_version

project = "sk_swat"
author = "the sk_swat developers"
copyright = "2026, the sk_swat developers"
release = version = installed_version("sk-swat")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.mathjax", "numpydoc"]
exclude_patterns = ["_build"]
default_role = "code"

myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3

autodoc_typehints = "none"  # the docstrings name the types
autodoc_member_order = "bysource"
numpydoc_show_class_members = False  # autodoc lists the members

html_theme = "pydata_sphinx_theme"
html_title = f"sk_swat {release}"
html_show_sourcelink = False
html_theme_options = {"show_prev_next": False}
