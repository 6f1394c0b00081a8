"""Cuts against nets that are zeroed by hand; isolation; what a channel does."""

import threading
import time

import numpy as np
import pytest
import torch
from oracles import difference, fill, fit, images
from torch import nn

from cnn_space import create_model
from cnn_space.inference import engine
from cnn_space.inference.surgery import LONGEST, Surgery
from cnn_space.inference.surgery_stages import stages

SMALL = {"small_input": True}
GOOGLENET = {**SMALL, "aux": False}


def plain(arch: str, side: int, **options) -> nn.Module:
    """A net as it is published, with weights that matter, in eval mode."""
    return fit(fill(create_model(arch, 10, **options)), side)


def surgery_on(net: nn.Module, side: int) -> Surgery:
    """As visitors get it: on the folded net."""
    return Surgery(engine.fold(net), net, side)


@torch.no_grad()
def unmade(net: nn.Module, *layers: str, channels=slice(None)) -> None:
    """Channels of a convolution, and of the norm behind it, are 0 by their own weights."""
    for name in layers:
        for parameter in net.get_submodule(name).parameters():
            parameter[channels] = 0


@torch.no_grad()
def unread(net: nn.Module, *layers: str, channels: slice) -> None:
    """What enters layers by these channels counts for nothing."""
    for name in layers:
        net.get_submodule(name).weight[:, channels] = 0


class Off(nn.Module):
    """Whatever comes in, 0 comes out."""

    def forward(self, x):
        return 0 * x


CASES = {}


def case(arch: str, side: int, cuts: str, **options):
    """The function that follows does by hand to a plain net what ``cuts`` do."""

    def keep(by_hand):
        CASES[f"{arch} {cuts}"] = (arch, side, cuts, options, by_hand)

    return keep


@case("lenet5", 32, "features.0/2")
def _(net):
    unmade(net, "features.0", channels=2)


@case("alexnet", 32, "features.3/7-9, features.10/255", form="cifar")
def _(net):
    unmade(net, "features.3", channels=slice(7, 10))
    unmade(net, "features.10", channels=255)


@case("alexnet", 96, "features.4/200", form="paper")
def _(net):
    unmade(net, "features.4", channels=200)


@case("nin", 32, "features.18/5")
def _(net):
    unmade(net, "features.18", channels=5)


@case("vgg11", 32, "features.3/5", head="gap")
def _(net):
    unmade(net, "features.3", channels=5)


@case("vgg11", 32, "features.4/0-40", head="gap", batch_norm=True)
def _(net):
    unmade(net, "features.4", "features.5", channels=slice(41))


@case("googlenet", 32, "inception3a/branch3 inception4b/branch1 inception3b/70", **GOOGLENET)
def _(net):
    unmade(net, "inception3a.branch3.1.conv", "inception3a.branch3.1.bn")
    unmade(net, "inception4b.branch1.conv", "inception4b.branch1.bn")
    # the module's first branch has 128 channels
    unmade(net, "inception3b.branch1.conv", "inception3b.branch1.bn", channels=70)


@case("googlenet", 32, "conv3/190 inception5b/branch4", form="paper", **GOOGLENET)
def _(net):
    unmade(net, "conv3.conv", channels=190)
    unmade(net, "inception5b.branch4.1.conv")


@case("inception_v3", 80, "Mixed_6a/pool Mixed_7b/branch3x3 Conv2d_4a_3x3/11", aux=False)
def _(net):
    readers = ("branch1x1", "branch7x7_1", "branch7x7dbl_1", "branch_pool")
    unread(net, *(f"Mixed_6b.{name}.conv" for name in readers), channels=slice(480, 768))
    for end in ("2a", "2b"):
        unmade(net, f"Mixed_7b.branch3x3_{end}.conv", f"Mixed_7b.branch3x3_{end}.bn")
    unmade(net, "Conv2d_4a_3x3.conv", "Conv2d_4a_3x3.bn", channels=11)


@case("resnet18", 32, "layer2.0/skip layer3.1/skip", **SMALL)
def _(net):
    unmade(net, "layer2.0.downsample.0", "layer2.0.downsample.1")
    net.layer3[1].downsample = Off()  # an identity, which has no weights


@case("resnet18", 32, "layer2.1/residual layer4.0/7 conv1/3", **SMALL)
def _(net):
    unmade(net, "layer2.1.bn2")
    unmade(net, "layer4.0.bn1", channels=7)
    unmade(net, "bn1", channels=3)


@case("resnet50", 64, "layer1.0/residual layer3.1/9")
def _(net):
    unmade(net, "layer1.0.bn3")
    unmade(net, "layer3.1.bn2", channels=9)


DENSE = "features.denseblock2.denselayer"


@case("densenet_bc_100_12", 32, f"{DENSE}5/input {DENSE}5/layer2 {DENSE}3/4")
def _(net):
    entering = net.get_submodule(f"{DENSE}1.conv1").in_channels
    unread(net, f"{DENSE}5.conv1", channels=slice(entering))
    unread(net, f"{DENSE}5.conv1", channels=slice(entering + 12, entering + 24))
    place = entering + 2 * 12 + 4
    later = [f"{DENSE}{number}.conv1" for number in range(4, 17)]
    unread(net, *later, "features.transition2.conv", channels=slice(place, place + 1))


@case("densenet121", 64, "features.conv0/5 features.transition1/layer6 classifier/layer16")
def _(net):
    first = [f"features.denseblock1.denselayer{number}.conv1" for number in range(1, 7)]
    unread(net, *first, "features.transition1.conv", channels=slice(5, 6))
    unread(net, "features.transition1.conv", channels=slice(256 - 32, 256))
    unread(net, "classifier", channels=slice(1024 - 32, 1024))


@pytest.mark.parametrize("name", CASES)
def test_a_cut_is_what_zeroing_by_hand_is(name):
    arch, side, cuts, options, by_hand = CASES[name]
    net, photos = plain(arch, side, **options), images(2, side)
    surgery = surgery_on(net, side)
    ours = [surgery.outcome(x, surgery.read(cuts)).logits for x in photos.split(1)]
    with torch.no_grad():
        before = net(photos)
        by_hand(net)
        expected = net(photos)
    assert difference(torch.from_numpy(np.stack(ours)), expected) < 1e-3
    assert difference(before, expected) > 5e-3, "a cut that changes nothing proves nothing"


def test_stages_name_every_block_once():
    for arch, options, count in (
        ("lenet5", {}, 2),
        ("vgg16", {"head": "gap"}, 13),
        ("googlenet", GOOGLENET, 3 + 9),
        ("inception_v3", {"aux": False}, 5 + 11),
        ("resnet34", SMALL, 1 + 16),
        ("densenet121", SMALL, 1 + 58 + 3 + 1),
    ):
        with torch.device("meta"):
            net = create_model(arch, 10, **options)
        names = [stage.name for stage in stages(net)]
        assert len(names) == len(set(names)) == count


def branches(arch: str, module: str, **options) -> list[tuple[str, int]]:
    with torch.device("meta"):
        net = create_model(arch, 10, aux=False, **options)
    stage = next(stage for stage in stages(net) if stage.name == module)
    assert stage.channels == sum(len(part.channels) for part in stage.parts)
    return [(part.kernels, len(part.channels)) for part in stage.parts]


def test_branches_are_those_of_the_papers():
    assert branches("googlenet", "inception3a", form="paper") == [
        ("1×1", 64), ("3×3", 128), ("5×5", 32), ("pool", 32)
    ]  # fmt: skip
    naive = branches("googlenet", "inception3a", form="paper", reduction=False)
    assert naive == [("1×1", 64), ("3×3", 128), ("5×5", 32), ("pool", 192)]
    assert branches("inception_v3", "Mixed_5b") == [
        ("1×1", 64), ("5×5", 64), ("3×3, 3×3", 96), ("pool", 32)
    ]  # fmt: skip
    assert branches("inception_v3", "Mixed_7a") == [
        ("3×3", 320), ("1×7, 7×1, 3×3", 192), ("pool", 768)
    ]  # fmt: skip
    assert branches("inception_v3", "Mixed_7c")[1:3] == [
        ("1×3 + 3×1", 768), ("3×3, 1×3 + 3×1", 768)
    ]  # fmt: skip


def test_nothing_of_an_operation_reaches_the_shared_net():
    net, x = plain("resnet18", 32, **SMALL), images(1, 32)
    shared = engine.fold(net)
    surgery = Surgery(shared, net, 32)
    weights = {name: tensor.clone() for name, tensor in shared.state_dict().items()}
    expected = shared(x).detach()
    stage = surgery.stage("layer1.1")
    surgery.outcome(x, surgery.read("layer1.1/skip layer1.1/3 layer2.0/residual"))
    surgery.strengths(x, stage, 0)
    for owned in (shared, surgery._net, surgery._ledger._skeleton):
        hooks = [(m._forward_hooks, m._forward_pre_hooks) for m in owned.modules()]
        assert not any(any(pair) for pair in hooks)
    assert shared.layer1[1].downsample is None is surgery._net.layer1[1].downsample
    assert all(torch.equal(tensor, weights[n]) for n, tensor in shared.state_dict().items())
    assert all(parameter.grad is None for parameter in shared.parameters())
    assert torch.equal(shared(x), expected)
    assert np.array_equal(surgery.outcome(x, ()).logits, surgery.intact(x).logits)
    assert torch.is_grad_enabled()


def test_visitors_at_once_each_get_their_own():
    net, x = plain("googlenet", 32, **GOOGLENET), images(1, 32)
    shared = engine.fold(net)
    surgery = Surgery(shared, net, 32)
    lists = ["", "inception3b/branch2", "inception5b/0-300 conv1/3"]
    alone = [surgery.outcome(x, surgery.read(text)).logits for text in lists]
    assert len({logits.tobytes() for logits in alone}) == 3
    with torch.no_grad():
        whole = shared(x).numpy()
    problems = []

    def operate(text: str, expected: np.ndarray) -> None:
        for _ in range(4):
            if not np.array_equal(surgery.outcome(x, surgery.read(text)).logits, expected):
                problems.append(text)

    def classify() -> None:
        for _ in range(8):
            with torch.inference_mode():
                if not np.array_equal(shared(x).numpy(), whole):
                    problems.append("the shared net")

    threads = [
        threading.Thread(target=operate, args=pair) for pair in zip(lists, alone, strict=True)
    ]
    threads.append(threading.Thread(target=classify))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems


def test_the_heatmap_is_of_the_answer_after_the_cut():
    net, x = plain("lenet5", 32), images(1, 32)
    surgery = surgery_on(net, 32)
    intact = surgery.intact(x)
    outcome = surgery.outcome(x, surgery.read("features.0/0-4"))
    assert outcome.heatmap.class_index == outcome.logits.argmax()
    assert outcome.heatmap.layer == intact.heatmap.layer
    assert not np.allclose(outcome.heatmap.values, intact.heatmap.values, atol=0.05)


def test_the_effect_of_a_channel_is_activation_times_gradient():
    net, x = plain("lenet5", 32), images(1, 32)
    surgery = surgery_on(net, 32)
    read = net.features[:5](x)  # behind the second convolution and its ReLU
    read.retain_grad()
    net.classifier(net.features[5](read).flatten(1))[0, 3].backward()
    effects = (read * read.grad).sum(dim=(0, 2, 3))
    found = surgery.strengths(x, surgery.stage("features.3"), 3)
    assert [s.channel for s in found] == effects.argsort(descending=True).tolist()
    for strength in found:
        assert strength.effect == pytest.approx(effects[strength.channel].item(), abs=1e-4)
        np.testing.assert_allclose(strength.map, read[0, strength.channel].detach(), atol=1e-4)


def test_the_effect_of_a_dense_channel_counts_all_its_readers():
    """Against what a slightly weaker channel does to the logit, in double precision."""
    net, x = plain("densenet_bc_100_12", 32).double(), images(1, 32).double()
    surgery = Surgery(net, net, 32)
    found = surgery.strengths(x, surgery.stage(f"{DENSE}14"), 2)
    best = found[0]
    place = net.get_submodule(f"{DENSE}14.conv1").in_channels + best.channel
    step, logits = 1e-5, []
    for factor in (1 + step, (1 - step) / (1 + step)):
        with torch.no_grad():
            for name in (f"{DENSE}15.conv1", f"{DENSE}16.conv1", "features.transition2.conv"):
                net.get_submodule(name).weight[:, place] *= factor
            logits.append(float(net(x)[0, 2]))
    assert best.effect == pytest.approx((logits[0] - logits[1]) / (2 * step), rel=1e-3)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("features.1/0", "no stage 'features.1'; it has features.0, features.3"),
        ("features.0", "written stage/part or stage/channel, not 'features.0'"),
        ("features.0/" + "9" * 9_000, r"no '9{12}\.\.\.9{13}' to switch off"),
        ("features.0/6", "no '6' to switch off; it has channels 0 to 5"),
        ("features.0/4-2", "channels 0 to 5"),
        ("features.0/skip", "no 'skip'"),
        ("features.0/-1", "channels 0 to 5"),
        ("features.0/1," * LONGEST, "has up to 250,000 letters"),
    ],
)
def test_refuses_what_the_net_does_not_have(text, why):
    with torch.device("meta"):
        net = create_model("lenet5")
    with pytest.raises(ValueError, match=why):
        Surgery(net, net, 32).read(text)


def test_a_list_of_cuts_names_each_once():
    with torch.device("meta"):
        net = create_model("resnet18", small_input=True)
    cuts = Surgery(net, net, 32).read("layer1.0/skip, layer1.0/3-5\nlayer1.0/4,,layer1.0/skip")
    assert [str(cut).rpartition("/")[2] for cut in cuts] == ["skip", "3", "4", "5"]


def test_a_short_list_that_names_a_million_channels_is_read_at_once():
    with torch.device("meta"):
        net = create_model("googlenet", small_input=True)
    surgery = Surgery(net, net, 32)
    text = " ".join(f"inception5b/{n}-1023" for n in range(0, 1000))
    start = time.process_time()
    assert len(surgery.read(f"{text} nonsense", lenient=True)) == 1024
    with pytest.raises(ValueError, match="names up to 100,000 parts and channels"):
        surgery.read(text)
    assert time.process_time() - start < 1.5


@pytest.mark.parametrize("arch", ["densenet201", "inception_v3"])
def test_everything_there_is_may_be_switched_off(arch):
    """The nets with the longest names, the most parts and the most channels."""
    with torch.device("meta"):
        net = create_model(arch, **({"aux": False} if arch == "inception_v3" else {}))
    surgery = Surgery(net, net, 224)
    names = [f"{s.name}/{part.key}" for s in surgery.stages for part in s.parts]
    names += [f"{s.name}/{channel}" for s in surgery.stages for channel in range(s.channels)]
    assert list(map(str, surgery.read(" ".join(names)))) == names
