"""What a model gained and forgot compared with another."""
