"""Make the bundled autoencoder: random functions, networks fitted to them, the training and its evaluation."""
