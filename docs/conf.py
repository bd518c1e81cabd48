"""Sphinx configuration."""

import sys
from importlib.metadata import version as installed_version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # for gallery_order

project = "sk_swat"
author = "the sk_swat developers"
copyright = "2026, the sk_swat developers"
release = version = installed_version("sk-swat")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "bench_*.md", "results"]  # tables that other pages include or quote
templates_path = ["_templates"]
default_role = "code"
nitpicky = True
nitpick_ignore = [  # in what scikit-learn says about `score`
    ("std:ref", "r2_score"),
    ("py:func", "sklearn.metrics.r2_score"),
    ("py:class", "sklearn.multioutput.MultiOutputRegressor"),
]

myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3

autodoc_typehints = "none"  # the docstrings name the types
autodoc_member_order = "bysource"
numpydoc_show_class_members = False  # autodoc lists the members

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "within_subsection_order": "gallery_order.ReadingOrder",
    "doc_module": ("sk_swat",),  # "Examples" on the pages of the reference
    "backreferences_dir": "gen_modules",
    "capture_repr": ("_repr_html_",),  # tables, but no "<Legend object at 0x...>"
    "image_srcset": ["2x"],
    "show_memory": False,
    "show_signature": False,
    "write_computation_times": False,
    "remove_config_comments": True,
}

# Links to the outside: `python -m sphinx -b linkcheck -D plot_gallery=0 docs FOLDER`, see contributing.md.
linkcheck_timeout = 20
linkcheck_retries = 2
linkcheck_anchors = False  # pages that build themselves in the browser have none to find

html_theme = "pydata_sphinx_theme"
html_title = f"sk_swat {release}"
html_show_sourcelink = False
html_theme_options = {"show_prev_next": False, "header_links_before_dropdown": 6}
