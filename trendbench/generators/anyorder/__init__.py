"""An any-order autoregressive network: pixels drawn a few at a time, each given the ones before."""
