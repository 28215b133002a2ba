"""Bridges to tools that others use already: transformers and TRL, pytest, trackers, and settings of other trainers."""
