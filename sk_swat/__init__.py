"""Regression with tiny sparse neural networks found by searching a learned latent space."""
