"""Metrics and answer parsers, one a file: the value of each item, and counts that sum to the corpus score."""
