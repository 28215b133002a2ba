"""Mitigations: ways to keep other abilities while one task is learned."""
