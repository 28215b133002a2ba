"""Settings files of other trainers, read as settings of keeptune."""
