"""The formats that models are exported to, one a module."""
