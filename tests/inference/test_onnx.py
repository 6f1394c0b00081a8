"""Nets and photos as ONNX, in ONNX Runtime, against PyTorch, Pillow and torchvision."""

import itertools
import json
import threading

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from PIL import Image
from torch import nn
from torchvision.transforms import v2

from cnn_space import create_model, weights
from cnn_space.images.photo import NET_SIDE, open_photo
from cnn_space.images.preprocessing import Preprocessing, prepare
from cnn_space.inference import onnx_export
from cnn_space.inference.onnx_net import to_onnx
from cnn_space.inference.onnx_photo import photo_to_images


def session(model: onnx.ModelProto) -> onnxruntime.InferenceSession:
    content = model.SerializeToString()
    return onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


SIDES = [(24, 40), (48, 64), (100, 100), (333, 500), (8, 9), (30, 400), (641, 40)]


@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
@pytest.mark.parametrize(("resize", "size"), [(32, 32), (36, 32), (64, 45)])
def test_a_photo_is_prepared_to_the_last_bit(interpolation, resize, size):
    preprocessing = Preprocessing(resize, size, interpolation)
    run = session(photo_to_images(preprocessing)).run
    for height, width in SIDES:
        picture = noise(height, width)
        wanted = prepare(open_photo(picture, NET_SIDE), preprocessing)[0].numpy()
        found = run(None, {"photo": picture[None]})[0]
        np.testing.assert_array_equal(found, wanted, err_msg=f"{height} × {width}")


@pytest.mark.parametrize(("height", "width"), [(1368, 1400), (1399, 1371), (2060, 2054)])
def test_a_large_photo_is_reduced_as_here(height, width):
    """By 2 or 3, with blocks at the ends that are cut short; Pillow rounds these in its own way."""
    preprocessing = Preprocessing(16, 16)
    picture = noise(height, width)
    wanted = prepare(open_photo(picture, NET_SIDE), preprocessing)[0].numpy()
    found = session(photo_to_images(preprocessing)).run(None, {"photo": picture[None]})[0]
    np.testing.assert_array_equal(found, wanted)


def test_a_photo_is_what_torchvision_makes_of_it():
    preprocessing = Preprocessing(64, 56, "bilinear")
    picture = noise(90, 130)
    wanted = v2.Compose(
        [
            v2.Resize(64, v2.InterpolationMode.BILINEAR),
            v2.CenterCrop(56),
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(preprocessing.mean, preprocessing.std),
        ]
    )(Image.fromarray(picture)).numpy()
    found = session(photo_to_images(preprocessing)).run(None, {"photo": picture[None]})[0][0]
    np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_an_interpolation_that_cannot_be_exported_is_named():
    with pytest.raises(ValueError, match="lanczos interpolation cannot be exported"):
        photo_to_images(Preprocessing(32, 32, "lanczos"))


def wakened(net: nn.Module) -> nn.Module:
    """Batch norms that do something."""
    generator = torch.Generator().manual_seed(0)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1, generator=generator)
            module.running_var.uniform_(0.5, 1.5, generator=generator)
    return net.eval()


@pytest.mark.parametrize(
    ("arch", "size", "options"),
    [
        ("lenet5", 32, {}),
        ("nin", 32, {}),
        ("alexnet", 32, {"small_input": True}),
        ("vgg11", 32, {"small_input": True}),
        ("vgg11", 32, {"batch_norm": True, "head": "gap"}),
        ("googlenet", 32, {"small_input": True, "form": "paper"}),
        ("googlenet", 90, {}),  # pools that round up
        ("inception_v3", 80, {}),
        ("resnet18", 32, {"small_input": True}),
        ("resnet50", 64, {}),
        ("densenet121", 32, {}),
        ("densenet_bc_100_12", 32, {}),
    ],
)
def test_a_net_gives_the_same_logits(arch, size, options):
    torch.manual_seed(0)
    net = wakened(create_model(arch, 7, **options))
    images = torch.randn(3, 3, size, size)
    with torch.no_grad():
        wanted = net(images).numpy()
    found = session(to_onnx(net, size)).run(None, {"images": images.numpy()})[0]
    assert found.shape == (3, 7)
    assert abs(found - wanted).max() < 1e-5 * wanted.std()


ONES = torch.ones(())


class Odd(nn.Module):
    """A net of one convolution and one step more."""

    def __init__(self, step=None, **options):
        super().__init__()
        self.conv, self.step = nn.Conv2d(3, 4, 3, **options), step

    def forward(self, x):
        return self.step(self.conv(x)).flatten(1)


@pytest.mark.parametrize(
    ("net", "says"),
    [
        (Odd(nn.PixelShuffle(2)), "pixel_shuffle"),
        (Odd(torch.sigmoid), "sigmoid"),
        (Odd(ONES.add), "from outside of a layer"),
        (Odd(lambda x: x + 1), "from outside of a layer"),
        (Odd(nn.Identity(), padding="same"), "padding"),
        (Odd(nn.Identity(), padding=1, padding_mode="reflect"), "padding"),
        (Odd(lambda x: x.flatten(2)), "not flatten\\(1\\)"),
        (create_model("lenet5", 3).train(), "eval mode"),
    ],
)
def test_a_step_without_an_operator_is_refused_by_name(net, says):
    if not says.startswith("eval"):
        net.eval()
    with pytest.raises(ValueError, match=says):
        to_onnx(net, 32)


def test_other_threads_are_not_recorded():
    """A net that answers meanwhile is left alone, and leaves nothing in the graph."""
    net, other = wakened(create_model("resnet50", 7)), create_model("lenet5", 3).eval()
    over, wrong = threading.Event(), []

    def answer() -> None:
        images = torch.ones(1, 3, 32, 32)
        with torch.no_grad():
            wanted = other(images)
            while not over.is_set():
                found = other(images)
                if type(found) is not torch.Tensor or not torch.equal(found, wanted):
                    wrong.append(found)

    alone = to_onnx(net, 64)
    thread = threading.Thread(target=answer)
    thread.start()
    try:
        assert to_onnx(net, 64) == alone
    finally:
        over.set()
        thread.join()
    assert not wrong


@pytest.mark.parametrize("have", [3, 8, 9, 16, 7])
def test_adaptive_pools(have):
    net = Odd(nn.AdaptiveAvgPool2d((7, 4))).eval()
    images = torch.randn(2, 3, have + 2, have + 2)
    with torch.no_grad():
        wanted = net(images).numpy()
    found = session(to_onnx(net, have + 2)).run(None, {"images": images.numpy()})[0]
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_pools_of_any_kind():
    for kind, count, up in itertools.product((nn.MaxPool2d, nn.AvgPool2d), (True, False), (0, 1)):
        more = {"count_include_pad": count} if kind is nn.AvgPool2d else {}
        for size in (13, 14):
            net = Odd(kind(3, 2, padding=1, ceil_mode=bool(up), **more)).eval()
            images = torch.randn(2, 3, size, size)
            with torch.no_grad():
                wanted = net(images).numpy()
            found = session(to_onnx(net, size)).run(None, {"images": images.numpy()})[0]
            np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_a_whole_net_takes_photos_and_gives_probabilities(checkpoints):
    loaded = weights.load("lenet5.cifar10")
    model = onnx_export.export(loaded)
    facts = {entry.key: entry.value for entry in model.metadata_props}
    assert tuple(json.loads(facts["classes"])) == loaded.record.labels
    assert facts["sha256"] == loaded.record.sha256 and facts["name"] == "lenet5.cifar10"
    pictures = np.stack([noise(40, 50, seed) for seed in range(3)])
    found = session(model).run(["probabilities"], {"photo": pictures})[0]
    assert found.shape == (3, 10) and found.sum(1) == pytest.approx([1, 1, 1])
    with torch.no_grad():
        for picture, row in zip(pictures, found, strict=True):
            images, _ = prepare(Image.fromarray(picture), loaded.record.preprocessing)
            wanted = loaded.net(images).softmax(1)[0].numpy()
            np.testing.assert_allclose(row, wanted, atol=1e-6)


def test_a_model_that_answers_otherwise_is_not_written(checkpoints, tmp_path):
    loaded = weights.load("lenet5.cifar10")
    content = onnx_export.export(loaded).SerializeToString()
    assert onnx_export.check(content, loaded) < 1e-5
    with torch.no_grad():
        loaded.net.classifier[4].bias[3] += 0.01  # as if a product were a little wrong
    with pytest.raises(ValueError, match="does not answer a picture of 40 × 24 pixels as lenet5"):
        onnx_export.check(content, loaded)
