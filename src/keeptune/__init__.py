"""keeptune."""
