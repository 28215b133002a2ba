"""Run folders, caches, locks and atomic writes. Free of torch."""
