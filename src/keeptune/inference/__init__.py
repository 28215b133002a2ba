"""Asking a model: generation, log-likelihoods, and one record an item."""
