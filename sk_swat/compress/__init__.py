"""Compression of models that exist: what a teacher is, how it is split, and the search for a smaller network."""
