"""What the frozen layers of a net make of images, computed once."""

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor, nn

from cnn_space.images.augmentation import normalize
from cnn_space.images.image_set import ImageSet
from cnn_space.images.preprocessing import Preprocessing
from cnn_space.inference import engine
from cnn_space.models.net import Net

MAPS_BYTES = 2 * 1024**3  # what enters the last stage is stored for all images up to this size


class Head(nn.Module):
    """The last layer of a net alone: features in, logits out."""

    def __init__(self, net: Net):
        super().__init__()
        self.last = net.get_submodule(net.head_layer)
        object.__setattr__(self, "_forward", net.forward_head)  # the body is no part of it

    def forward(self, features: Tensor) -> Tensor:
        return self._forward(features)


class FrozenPass:
    """One pass of the images to learn from, and of those to check on where they are others,
    through a frozen net, ``chunk`` images at a time.

    Iterate it for the number of chunks done, out of ``steps``. Then ``features`` holds what enters
    the net's last layer and ``maps`` what enters its last stage (``net.top_layer``), each as
    ``[to learn from, to check on]``. ``maps`` is None where it would exceed MAPS_BYTES.
    ``bfloat16`` is for images that are only learnt from; those to check on are computed in float32,
    for what is checked is the net that is kept.
    """

    def __init__(
        self,
        net: Net,
        learn: ImageSet,
        check: ImageSet | None,
        preprocessing: Preprocessing,
        *,
        device: torch.device,
        bfloat16: bool,
        chunk: int,
    ):
        self.parts = [learn] if check is None else [learn, check]
        self.bfloat16, self.chunk = bfloat16 and check is not None, chunk
        self.net, self.preprocessing, self.device = net, preprocessing, device
        self.steps = sum(len(self._chunks(images)) for images in self.parts)
        self.features: list[ImageSet] = []
        self.maps: list[ImageSet] | None = []

    def __iter__(self) -> Iterator[int]:
        frozen, entering = engine.fold(self.net.eval()), []
        frozen.get_submodule(self.net.top_layer).register_forward_pre_hook(
            lambda module, inputs: entering.append(inputs[0])
        )
        step = 0
        for images in self.parts:
            bfloat16 = self.bfloat16 and images is self.parts[0]
            features, maps = [], None
            for index in self._chunks(images):
                features.append(self._forward(frozen, images.images[index], bfloat16))
                entered = entering.pop()
                if step == 0 and not self._fits(entered[0]):
                    self.maps = None
                if self.maps is not None:
                    if maps is None:
                        maps = _storage(len(images), entered)
                    maps[index] = entered
                step += 1
                yield step
            self.features.append(replace(images, images=torch.cat(features)))
            if self.maps is not None:
                self.maps.append(replace(images, images=maps))

    @torch.no_grad()
    def _forward(self, frozen: Net, images: Tensor, bfloat16: bool) -> Tensor:
        mean, std = self.preprocessing.mean, self.preprocessing.std
        with torch.autocast(self.device.type, torch.bfloat16, enabled=bfloat16):
            inputs = normalize(images.to(self.device), mean, std)
            return frozen.forward_features(inputs).float()

    def _chunks(self, images: ImageSet) -> tuple[Tensor, ...]:
        return torch.arange(len(images)).split(self.chunk)

    def _fits(self, first: Tensor) -> bool:
        """Whether the maps of all images may be stored; ``first`` is one to learn from."""
        learn, *check = map(len, self.parts)
        return first.numel() * (learn * first.element_size() + 4 * sum(check)) <= MAPS_BYTES


def _storage(count: int, maps: Tensor) -> Tensor:
    """Memory for ``count`` maps like those in ``maps`` [N, C, h, w]."""
    size = count, *maps.shape[1:]
    return torch.empty(
        size, dtype=maps.dtype, device=maps.device, memory_format=torch.channels_last
    )
