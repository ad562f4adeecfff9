"""The classical approach: a parametric family, its parameters estimated, a draw from the result.

Two generators share one sampler, the conditional law of r with estimated parameters. One is shown
the germs, the other estimates everything from images and takes the inputs apart into disks.
"""
