# SPDX-License-Identifier: GPL-2.0-or-later
"""Sphinx configuration of the holm documentation."""
project = "holm"
author = "The holm developers"
copyright = "The holm developers"
version = release = "0.1.0"

extensions = []
source_suffix = ".rst"
master_doc = "index"
exclude_patterns = ["_build"]
nitpicky = True

html_theme = "alabaster"
html_show_sourcelink = False

man_pages = [
    ("man/holm.1", "holm", "run and inspect virtual machines", [author], 1),
    ("man/holm.4", "holm", "the hypervisor device", [author], 4),
]
man_make_section_directory = True
