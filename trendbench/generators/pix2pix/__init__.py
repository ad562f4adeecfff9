"""pix2pix: a conditional GAN on (s1, s2), the method of the 2017 study.

Source: Isola, Zhu, Zhou & Efros, Image-to-image translation with conditional adversarial
networks (CVPR 2017); Budakyan (2017) for the task and the variants.
"""
