"""The germ-grain process: intensity, seeded random numbers, germs, coupled triplets."""
