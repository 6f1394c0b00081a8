"""Strangers' pictures as RGB, preprocessing, and sets of images: reading, splitting, augmenting."""
