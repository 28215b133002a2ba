"""Built-in abilities: suites of items written for this project, one a file, all in one table."""
