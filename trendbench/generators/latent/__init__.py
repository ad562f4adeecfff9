"""Generators that push latent variables V through a decoder g_θ(V): autoencoders and the GAN."""
