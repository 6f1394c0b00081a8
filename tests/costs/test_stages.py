"""The stages of a net, against the shapes of a real forward and the tables of the papers."""

import pytest
import torch

from cnn_space.costs import walk
from cnn_space.costs.stages import stages_of
from cnn_space.models.registry import create_model

SMALL = {"small_input": True, "aux": False}


@pytest.mark.parametrize(
    ("arch", "size", "options"),
    [("lenet5", 32, {}), ("googlenet", 32, SMALL), ("resnet18", 64, {}), ("densenet121", 64, {})],
)
def test_stages_are_what_a_real_image_meets(arch, size, options):
    net = create_model(arch, 10, **options).eval()
    widest, layers = {}, {}

    def note(module, inputs, output):
        for value in (inputs[0], output):
            if value.dim() == 4:
                side = tuple(value.shape[2:])
                widest[side] = max(value.shape[1], widest.get(side, 0))
        side = tuple(output.shape[2:]) if output.dim() == 4 else (1, 1)
        layers[side] = layers.get(side, 0) + 1

    for module in net.modules():
        if isinstance(module, (torch.nn.Conv2d, torch.nn.Linear)):
            module.register_forward_hook(note)
    with torch.inference_mode():
        net(torch.zeros(1, 3, size, size))
    found = stages_of(arch, 10, size, tuple(options.items()))
    assert {stage.side: stage.layers for stage in found if stage.layers} == layers
    for stage in found:
        if stage.layers and stage.side != (1, 1):
            assert stage.channels >= widest[stage.side]
    assert sum(stage.macs for stage in found) == walk.count(net, size)[1]


def test_googlenets_stages_are_those_of_its_paper():
    """Table 1: after the module 3b 28 × 28 × 480, after 4e 14 × 14 × 832, after 5b 7 × 7 × 1024."""
    found = {stage.side[0]: stage.channels for stage in stages_of("googlenet", 1000, 224)}
    assert found == {112: 64, 56: 192, 28: 480, 14: 832, 7: 1024, 1: 1024}


def test_vggs_fully_connected_layers_are_one_stage():
    last = stages_of("vgg16", 1000, 224)[-1]
    assert (last.side, last.channels, last.layers) == ((1, 1), 4096, 3)
