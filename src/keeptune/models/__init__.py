"""Pre-trained models: finding, loading, placing, adapting, and asking them for logits."""
