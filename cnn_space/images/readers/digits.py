"""The handwritten digits that come with scikit-learn."""

import numpy as np
from PIL import Image

from cnn_space.images.visitor_set import VisitorSet


def read_digits() -> VisitorSet:
    """The 1,797 handwritten digits of scikit-learn, 8 × 8 pixels scaled to 32 × 32.

    Alpaydin and Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998 (its test part).
    """
    import torch
    from sklearn.datasets import load_digits

    from cnn_space.images.image_set import ImageSet

    raw = load_digits()
    pixels = (raw.images * (255 / 16)).round().astype(np.uint8)
    large = [Image.fromarray(p).resize((32, 32), Image.Resampling.BICUBIC) for p in pixels]
    images = torch.from_numpy(np.stack([np.asarray(p) for p in large]))[:, None]
    labels = torch.from_numpy(raw.target.astype(np.int64))
    classes = tuple(str(name) for name in raw.target_names)
    return VisitorSet(ImageSet(images.repeat(1, 3, 1, 1), labels, classes, "Handwritten digits"))
