"""The base of every net (images to features, features to logits), and its initial weights."""

from torch import Tensor, nn


class Net(nn.Module):
    """Base of every net: images [N, C, H, W] in, logits [N, num_classes] out.

    A net is split before its last layer, so that a new head can be trained on stored features.
    The attributes tell other code where to look:

    - ``head_layer``: dotted name of the last layer (a Linear, or NIN's 1×1 convolution);
    - ``cam_layer``: dotted name of the last convolutional stage, where Grad-CAM looks;
    - ``top_layer``: dotted name of the module with which that stage begins;
    - ``input_size``: side in pixels of the square images that the net was designed for;
    - ``aux_weight``: weight of each auxiliary loss, 0 for nets without auxiliary heads.
    """

    head_layer = "fc"
    cam_layer: str
    top_layer: str
    input_size = 224
    aux_weight = 0.0

    def forward_features(self, x: Tensor) -> Tensor:
        """Images [N, C, H, W] → what enters the head (a vector [N, D]; for NIN a map)."""
        raise NotImplementedError

    def forward_head(self, features: Tensor) -> Tensor:
        """What ``forward_features`` gave → logits [N, num_classes]."""
        return self.get_submodule(self.head_layer)(features)

    def forward(self, x: Tensor) -> Tensor:
        return self.forward_head(self.forward_features(x))


def he_init(net: nn.Module, *, last: str, mode: str = "fan_in") -> None:
    """Initialise layers before a ReLU from N(0, 2 / fan), biases with 0 (He et al. 2015, section
    2.2).

    ``fan_in`` keeps the size of the activations through the net, which a net without batch norm
    needs to learn at all; ``fan_out`` keeps that of the gradients (ResNet's choice). The layer
    named ``last`` has no ReLU behind it and stays as PyTorch made it.
    Nets on the meta device are left alone: there is nothing to fill.
    """
    for name, layer in net.named_modules():
        if not isinstance(layer, nn.Conv2d | nn.Linear) or name == last or layer.weight.is_meta:
            continue
        nn.init.kaiming_normal_(layer.weight, mode=mode, nonlinearity="relu")
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
