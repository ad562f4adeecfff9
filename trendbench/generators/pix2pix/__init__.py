"""The usual pix2pix: a conditional GAN on (s1, s2).

Source: Isola, Zhu, Zhou & Efros, Image-to-image translation with conditional adversarial
networks (CVPR 2017). The networks of the 2017 study are in ``study_2017``.
"""
