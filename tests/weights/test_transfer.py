"""What is said of a download that fails on this machine."""

import errno
import os

from cnn_space import weights
from cnn_space.weights import transfer


def test_a_home_that_cannot_be_written_is_named():
    error = OSError(errno.EROFS, os.strerror(errno.EROFS), "/home/me/.cache/huggingface")
    said = transfer.explain(error, weights.record("resnet18.tv_in1k"), begun=False)
    assert str(said) == (
        "resnet18.tv_in1k cannot be stored at /home/me/.cache/huggingface: Read-only file system."
    )
