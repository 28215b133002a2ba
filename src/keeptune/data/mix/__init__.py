"""Mix many sources into one train set by proportions, without duplicates and leaks, from disk, with a recipe to
reproduce it."""
