"""Many sources to one train set: proportions, repeats, leaks, streamed from disk, and a recipe to make it again."""
