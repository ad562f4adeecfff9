"""The networks of the 2017 study, as the study built and trained them.

Source: Budakyan, Neural-network synthesis of textures with trends (2017), and what its public
repository shows (github.com/astromid/diploma-texture-synthesis). The code here is this project's.
"""
