"""scikit-learn's digits."""

import numpy as np

from cnn_space.images.readers import read_digits


def test_the_digits():
    from sklearn.datasets import load_digits

    images = read_digits().images
    assert images.images.shape == (1797, 3, 32, 32) and images.classes == tuple("0123456789")
    raw = load_digits()
    assert images.labels.tolist() == raw.target.tolist()
    means = images.images.float().mean((1, 2, 3)).numpy() / 255 * 16
    np.testing.assert_allclose(means, raw.images.mean((1, 2)), atol=0.25)
