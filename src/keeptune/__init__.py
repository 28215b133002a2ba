"""keeptune fine-tunes a language model on one task, and tells what it gained and what it forgot."""

__version__ = "0.1.0"
