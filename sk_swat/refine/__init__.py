"""Second-order fitting of hard networks; knows neither latents nor the autoencoder."""
