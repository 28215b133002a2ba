"""What leaves a run: adapters and models in the layouts that other tools read."""
