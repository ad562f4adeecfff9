"""The search for hyper-parameters: a space, an objective on validation images, many trials."""
