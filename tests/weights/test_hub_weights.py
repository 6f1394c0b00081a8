"""The records of other people's weights, against timm and torchvision themselves."""

import hashlib
import math

import pytest
import timm
import torch
import torchvision
from hub_client import list_local, load, run
from hub_server import HubServer
from safetensors.torch import save

from cnn_space.costs import walk as layers
from cnn_space.images.preprocessing import prepare
from cnn_space.models.registry import create_model
from cnn_space.weights import convert, loading
from cnn_space.weights import published as hub_weights

RECORDS = {item.name: item for item in hub_weights.records()}
TIMM = [name for name, item in RECORDS.items() if item.repo == f"timm/{name}"]
TORCHVISION = {
    "googlenet.tv_in1k": torchvision.models.GoogLeNet_Weights.IMAGENET1K_V1,
    "alexnet.tv_in1k": torchvision.models.AlexNet_Weights.IMAGENET1K_V1,
}


def test_every_record_is_of_timm_or_torchvision():
    assert sorted([*TIMM, *TORCHVISION]) == sorted(RECORDS)
    asked = "resnet18 resnet34 resnet50 resnet101 resnet152 vgg16 vgg16_bn vgg19 inception_v3"
    asked += " densenet121 densenet161 densenet169 densenet201 googlenet alexnet"
    assert {f"{arch}.tv_in1k" for arch in asked.split()} <= set(RECORDS)


@pytest.mark.parametrize("name", RECORDS)
def test_parameters_and_macs_are_those_of_the_net(name):
    item = RECORDS[name]
    with torch.device("meta"):
        net = create_model(item.arch, item.num_classes, **item.options)
    assert layers.count(net, item.preprocessing.size) == (item.parameters, item.macs)


def test_the_class_names_are_torchvisions_and_all_different():
    names = list(hub_weights.classes())
    assert names == torchvision.models.ResNet18_Weights.IMAGENET1K_V1.meta["categories"]
    assert len(set(names)) == 1000
    assert all(item.labels == tuple(names) for item in RECORDS.values())


@pytest.mark.parametrize("name", TIMM)
def test_preprocessing_and_licence_are_timms(name):
    published = timm.get_pretrained_cfg(name)
    ours = RECORDS[name]
    size = (published.test_input_size or published.input_size)[-1]
    crop = published.test_crop_pct or published.crop_pct
    assert (ours.preprocessing.size, ours.preprocessing.resize) == (size, math.floor(size / crop))
    assert ours.preprocessing.interpolation == published.interpolation
    assert ours.preprocessing.mean == tuple(published.mean)
    assert ours.preprocessing.std == tuple(published.std)
    assert ours.license == published.license and ours.repo == published.hf_hub_id


@pytest.mark.parametrize("name", TORCHVISION)
def test_file_and_accuracy_are_torchvisions(name):
    published, ours = TORCHVISION[name], RECORDS[name]
    assert published.url.endswith(f"/{ours.file}")
    assert published.meta["_metrics"]["ImageNet-1K"]["acc@1"] == ours.accuracy


# Proof of the key filters: random weights, batch norm fitted so that nothing is hidden by them.


@pytest.fixture(autouse=True)
def one_thread():
    """Threads that wait for one another cost minutes where other work has the cores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def fit_batch_norm(net, images) -> None:
    """One pass in training mode with momentum 1: statistics as if ``net`` had been trained."""
    for module in net.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.momentum = 1.0
    with torch.no_grad():
        net.train()(images)
    net.eval()


def spread(ours, theirs) -> float:
    """The largest difference of two nets' logits, in units of the second's spread."""
    return ((ours - theirs).abs().max() / theirs.std()).item()


def filtered(item, state):
    """Our net with a foreign state dict, through the record's filter."""
    if item.adapt:
        state = item.adapt(state)
    with torch.device("meta"):
        net = create_model(item.arch, item.num_classes, **item.options)
    net.load_state_dict(state, strict=True, assign=True)
    return net.eval()


def side(item) -> int:
    """Smaller images than the nets were made for, to be quick; Inception v3 takes none below 75."""
    return 139 if item.arch == "inception_v3" else 96


def random_net(name: str, **options):
    """A net of timm with random weights: one series of numbers again and again, scaled by the
    number of inputs, because drawing 140 million takes seconds."""
    with torch.device("meta"):
        net = timm.create_model(name, pretrained=False, **options)
    net.to_empty(device="cpu")
    numbers = torch.randn(1_000_003)
    with torch.no_grad():
        for key, tensor in net.state_dict().items():
            if not tensor.is_floating_point():
                tensor.zero_()
                continue
            repeated = numbers.repeat(tensor.numel() // len(numbers) + 1)
            scale = (2 / tensor[0].numel()) ** 0.5 if tensor.ndim > 1 else 0.1
            tensor.copy_(repeated[: tensor.numel()].view_as(tensor).mul_(scale))
            if tensor.ndim == 1 and key.endswith(("weight", "var")):
                tensor.add_(1)
    return net


def plant_fault(net) -> None:
    """A wrong eps; without batch norm, the channels of VGG's first vector in another order."""
    norms = [module for module in net.modules() if hasattr(module, "eps")]
    for norm in norms:
        norm.eps *= 10
    if not norms:
        first = net.classifier[0].weight
        first.copy_(first.unflatten(1, (512, 49)).transpose(1, 2).flatten(1))


@pytest.mark.parametrize("name", TIMM)
def test_timms_state_dict_through_the_filter_gives_timms_logits(name):
    torch.manual_seed(0)
    item = RECORDS[name]
    theirs = random_net(name.partition(".")[0])
    images = torch.randn(2 if item.arch.startswith("vgg") else 8, 3, side(item), side(item))
    if any("running_mean" in key for key in theirs.state_dict()):
        fit_batch_norm(theirs, images)
    theirs.eval()
    state = theirs.state_dict()
    if item.arch == "inception_v3":
        state["AuxLogits.fc.bias"] = torch.zeros(1000)  # must be dropped
    ours = filtered(item, state)
    with torch.inference_mode():
        expected = theirs(images[:1])
        # timm's VGG has convolutions for its linear layers: on some CPUs sums of another order
        assert spread(ours(images[:1]), expected) <= 3e-5
        plant_fault(ours)
        assert spread(ours(images[:1]), expected) > 1e-4


@pytest.mark.parametrize("name", TORCHVISION)
def test_torchvisions_pth_gives_torchvisions_answer_to_a_photo(name, tmp_path):
    """From the picture on: torchvision's own transforms and transform_input against the record."""
    from PIL import Image

    torch.manual_seed(0)
    item = RECORDS[name]
    extra = {"init_weights": False, "transform_input": True} if "google" in name else {}
    theirs = getattr(torchvision.models, item.arch)(weights=None, **extra)
    pixels = torch.rand(3, 3, 40, 30)
    photos = [
        Image.fromarray((image.permute(1, 2, 0) * 255).byte().numpy()).resize((420, 310))
        for image in pixels
    ]
    seen = torch.stack([TORCHVISION[name].transforms()(photo) for photo in photos])
    if "google" in name:
        fit_batch_norm(theirs, seen)
    theirs.eval()
    torch.save(theirs.state_dict(), tmp_path / item.file)
    convert.to_safetensors(tmp_path / item.file, tmp_path / "ready.safetensors")
    ours = loading.read_net(item, tmp_path / "ready.safetensors")
    with torch.inference_mode():
        expected = theirs(seen)
        photo = torch.cat([prepare(photo, item.preprocessing)[0] for photo in photos])
        if "google" in name:
            assert spread(ours(seen), expected) > 1e-3  # normalised their way, it is caught
            seen = theirs._transform_input(seen)  # each adds its own rounding to the pixels
        assert (photo - seen).abs().max() < 1e-5
        assert spread(ours(seen), expected) <= 1e-5


# End to end: cnn_space.load over the network, then without it


def test_load_pulls_an_imagenet_net_and_then_needs_no_network(tmp_path):
    torch.manual_seed(0)
    theirs = random_net("resnet18").eval()
    torch.manual_seed(1)
    with torch.inference_mode():
        expected = theirs(torch.randn(1, 3, 64, 64))[0, :5].tolist()
    content = save({k: v.contiguous() for k, v in theirs.state_dict().items()})
    name = "resnet18.tv_in1k"
    here = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    with HubServer({f"timm/{name}": {"model.safetensors": content}}) as server:
        # The published file, as pinned, is not the one this server holds: it is refused unread.
        client = {"url": server.url, "home": tmp_path}
        pinned = run(load, name, None, {"revision": None}, **client)
        assert "holds another model.safetensors" in pinned["error"]
        here["revision"] = server.commit_of(f"timm/{name}")
        got = run(load, name, None, here, **client)
    assert got["logits"] == pytest.approx(expected, rel=1e-4)
    assert got["label"] == "tench" and got["eval"] and got["is_local"]
    again = run(load, name, None, here, url="http://127.0.0.1:9", home=tmp_path)
    assert again == got | {"was_local": True}


def test_without_a_network_the_sentence_names_what_is_ready(tmp_path):
    client = {"url": "http://127.0.0.1:9", "home": tmp_path, "timeout": 15}
    names, local = run(list_local, **client)
    assert set(RECORDS) <= set(names) and not set(RECORDS) & set(local)
    answer = run(load, "vgg16.tv_in1k", **client)
    assert answer["kind"] == "Unreachable"
    assert "vgg16.tv_in1k is not on this machine" in answer["error"]
    assert "Ready without a network: " + (", ".join(local[:8]) or "none") in answer["error"]


def test_our_own_weights_come_from_our_repository_under_their_hash(checkpoints, tmp_path):
    folder, _ = checkpoints
    name, file = "lenet5.cifar10", folder / "lenet5.cifar10.safetensors"
    content = file.read_bytes()
    file.unlink()
    home = tmp_path / "a"
    with HubServer({"me/zoo": {file.name: content}, "me/other": {file.name: content[::-1]}}) as hub:
        wrong = run(load, name, folder, url=hub.url, home=home, CNN_SPACE_REPO="me/other")
        assert "holds another lenet5.cifar10.safetensors" in wrong["error"]
        assert not wrong["is_local"]
        right = run(load, name, folder, url=hub.url, home=home, CNN_SPACE_REPO="me/zoo")
        assert (right["first"], right["was_local"], right["is_local"]) == (name, False, True)
    offline = {"url": "http://127.0.0.1:9", "home": home, "CNN_SPACE_REPO": "me/zoo"}
    again = run(load, name, folder, **offline)
    assert again == right | {"was_local": True}
