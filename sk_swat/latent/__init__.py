"""The latent space: autoencoder, checkpoint and bank, starts and children, gradient descent."""
