# SPDX-License-Identifier: GPL-2.0-or-later
"""Sphinx configuration of the holm documentation."""
import glob
import os
import re

project = "holm"
author = "The holm developers"
copyright = "The holm developers"
version = release = "0.1.0"

extensions = []
source_suffix = ".rst"
master_doc = "index"
exclude_patterns = ["_build"]
nitpicky = True
# "--flag" is two hyphens.
smartquotes = False

html_theme = "alabaster"
html_show_sourcelink = False


def manual(path):
    """What man_pages wants of man/NAME.SECTION.rst, which says in its field
    "summary" what it is about."""
    page = os.path.basename(path)[:-len(".rst")]
    name, section = page.rsplit(".", 1)
    with open(path, encoding="utf-8") as f:
        summary = re.search(r"^:summary: (.+)$", f.read(), re.M)
    if not summary:
        raise ValueError(f"{path} has no line ':summary: ...'")
    return f"man/{page}", name, summary[1], [author], int(section)


man_pages = [manual(path) for path in
             sorted(glob.glob(os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                           "man", "*.rst")))]
man_make_section_directory = True
