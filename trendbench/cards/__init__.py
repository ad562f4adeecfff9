"""What is published beside data and models: dataset cards, Croissant metadata, model cards."""
