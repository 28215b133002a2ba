"""The one training loop, its objective, its checkpoints."""
