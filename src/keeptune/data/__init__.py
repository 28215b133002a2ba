"""From rows on disk or the hub to Examples: readers, layouts, checks, splits, repeats."""
