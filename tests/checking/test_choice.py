"""Which class or function of a text is taken for the net."""

import pytest
from faulty import HEAD, SOUND

from cnn_space.checking.checker import check

RESIDUAL = (
    HEAD
    + """
class Residual(nn.Module):
    def __init__(self, fn):
        super().__init__()
        self.fn = fn

    def forward(self, x):
        return self.fn(x) + x


def mixer({parameters}):
    return nn.Sequential(
        nn.Conv2d(3, dim, 7, 7),
        Residual(nn.Sequential(nn.Conv2d(dim, dim, 9, groups=dim, padding="same"), nn.GELU())),
        nn.AdaptiveAvgPool2d((1, 1)),
        nn.Flatten(),
        nn.Linear(dim, 10),
    )
"""
)


@pytest.mark.parametrize(("parameters", "dim"), [("dim=48", 48), ("dim", 64)])
def test_a_function_that_stacks_layers_is_the_net(parameters, dim):
    report = check(RESIDUAL.replace("{parameters}", parameters))
    assert (report.net.name, report.net.kind, report.complete) == ("mixer", "function", True)
    convolutions = dim * 3 * 49 + dim + dim * 81 + dim
    assert report.parameters == convolutions + 10 * dim + 10
    assert not report.wrong


def test_a_function_alone_in_a_text_is_the_net():
    report = check(
        HEAD + "def net(n=10):\n    return nn.Sequential(nn.Flatten(), nn.Linear(12, n))"
    )
    assert (report.net.name, report.parameters) == ("net", 130)


def test_a_class_comes_before_a_function_that_makes_other_layers():
    report = check(
        SOUND + "\ndef head(width=4096):\n    return nn.Sequential(nn.Linear(width, 10))"
    )
    assert report.net.name == "Small"


SCRIPT = (
    "import argparse\n"
    + SOUND.replace("num_classes=10", "num_classes")
    + """
parser = argparse.ArgumentParser()
group = parser.add_argument_group("net")
group.add_argument("-n", "--num-classes", type=int, default="7")
parser.add_argument("--data")
parser.add_argument("--cuda", action="store_true")


def main():
    args = parser.parse_args()
    net = Small(args.num_classes)
    {last}


if __name__ == "__main__":
    main()
"""
)


@pytest.mark.parametrize("last", ["return net", "train(net, args.data)"])
def test_a_training_script_has_the_defaults_of_its_arguments(last):
    report = check(SCRIPT.replace("{last}", last))
    assert report.output_shape == (7,)
    assert report.complete
    assert report.not_understood == ()


def test_a_function_whose_arguments_are_unknown_gives_way_to_the_class():
    text = SCRIPT.replace("{last}", "return net").replace("args.num_classes", "settings.classes")
    report = check(text.replace("import argparse", "import argparse, settings"))
    assert (report.net.name, report.net.kind) == ("Small", "class")
    assert report.complete
