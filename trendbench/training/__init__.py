"""How a network is trained here: device, randomness, the loop, checkpoints, loss curves."""
