"""What was gained and what was forgotten between two models."""
