"""What the command line calls, no more, no less: one file a verb."""
