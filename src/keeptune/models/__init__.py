"""Find, load, place and adapt pre-trained models, and compute their logits."""
