"""The forgetting report as one HTML file: a pure view of records."""

from keeptune.report.html.page import render, write_html

__all__ = ["render", "write_html"]
