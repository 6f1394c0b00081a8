"""From ten classes to 1,000 in one click, over a small Hub that holds a random net."""

import hashlib

import timm
import torch
from hub_client import ask_a_wider_net, run
from hub_server import HubServer
from markup import text, with_class
from PIL import Image
from safetensors.torch import save

from cnn_space.weights import published

NAME = "resnet18.tv_in1k"


def test_the_offered_net_is_fetched_answers_and_comes_first(checkpoints, tmp_path):
    folder, _ = checkpoints
    photo = tmp_path / "photo.png"
    Image.radial_gradient("L").convert("RGB").save(photo)
    torch.manual_seed(0)
    net = timm.create_model("resnet18")
    content = save({key: value.contiguous() for key, value in net.state_dict().items()})
    here = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    with HubServer({f"timm/{NAME}": {"model.safetensors": content}}) as hub:
        here["revision"] = hub.commit_of(f"timm/{NAME}")
        client = {"url": hub.url, "home": tmp_path / "hf"}
        got = run(ask_a_wider_net, NAME, folder, here, photo, **client)
    assert got["first"] == "lenet5.cifar10"
    (offer,) = with_class(got["answer"], "classify-wider")
    assert offer.get("data-net") == NAME and "MB to fetch" in text(offer)
    assert "on its way" in got["coming"]
    assert got["progress"][-1] == f"ResNet-18: {len(content) / 1e6:.0f} MB"
    # It is the first from now on, the ten-class net after it.
    assert got["then_first"] == NAME and got["then_offered"] == [NAME, "lenet5.cifar10"]
    (best,) = with_class(got["then_answer"], "classify-label")
    assert text(best) in published.classes()
    assert not with_class(got["then_answer"], "classify-wider")
