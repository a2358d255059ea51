"""How the demo model is trained: autoencoder, latents, text encoder and denoiser."""
