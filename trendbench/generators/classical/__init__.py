"""The classical approach: a parametric family, its parameters estimated, a draw from the result.

Two generators share one sampler, the conditional law of r with estimated parameters. One is given
the germs. The other estimates everything from images and reconstructs the germs of the inputs.
"""
