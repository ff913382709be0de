"""Reusable parts; they know Qt and the model, nothing else."""
