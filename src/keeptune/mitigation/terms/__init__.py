"""Loss terms and penalties that keep what the base could do. One a file."""
