"""Images that come from elsewhere, read without trusting them."""
