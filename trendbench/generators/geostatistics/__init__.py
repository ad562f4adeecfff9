"""Images drawn pixel by pixel from the training images' own statistics, without a model."""
