"""How weights are stored."""

import torch

from cnn_space.images.image_set import ImageSet
from cnn_space.training import cards


def test_float32_is_kept_where_rounding_costs():
    net = torch.nn.Linear(2, 2, bias=False)
    images = ImageSet(torch.eye(2), torch.tensor([1, 0]), ("a", "b"))
    plain = {"mean": (0.0,) * 3, "std": (1.0,) * 3}
    net.weight.data = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    dtype, why = cards.storage_type(net, images, **plain)
    assert dtype == torch.float16 and "100.00 % of the held-out images to 100.00 %" in why
    # Next to 1, float16 knows nothing nearer than 1.001.
    net.weight.data = torch.tensor([[1.0, 1.0], [1.0002, 0.0]])
    dtype, why = cards.storage_type(net, images, **plain)
    assert dtype == torch.float32 and "100.00 % of the held-out images to 50.00 %" in why
    net.register_buffer("steps", torch.tensor(100_000))  # a whole number: it stays one
    assert cards.storage_type(net, None, **plain)[0] == torch.float16
    net.weight.data = torch.tensor([[0.0, 1e5], [1.0, 0.0]])
    assert cards.storage_type(net, images, **plain)[0] == torch.float32
