"""Nets with one fault each: what the text is, the fault's kind, its line, and how it is mended."""

HEAD = "import torch\nimport torch.nn as nn\nimport torch.nn.functional as F\n"

SOUND = (
    HEAD
    + """
class Small(nn.Module):
    def __init__(self, num_classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.norm1 = nn.BatchNorm2d(16)
        self.pool = nn.MaxPool2d(2)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.fc = nn.Linear(32, num_classes)

    def forward(self, x):
        x = self.pool(F.relu(self.norm1(self.conv1(x))))
        x = F.relu(self.conv2(x))
        x = F.dropout(x, 0.2, training=self.training)
        x = F.adaptive_avg_pool2d(x, 1)
        x = x.view(x.size(0), -1)
        return self.fc(x)
"""
)


def line_of(text: str, part: str) -> int:
    """The number of the first line that holds ``part``."""
    return next(n for n, line in enumerate(text.split("\n"), 1) if part in line)


def replaced(old: str, new: str) -> str:
    """The sound net with ``old`` replaced."""
    assert old in SOUND
    return SOUND.replace(old, new)


# kind → (text, part of the line where it is found, whether it is mended)
FAULTS: dict[str, tuple[str, str, bool]] = {
    "name_unknown_near": (replaced("32, num_classes)", "32, num_clases)"), "num_clases)", True),
    "name_unknown": (replaced("nn.MaxPool2d(2)", "make_it(2)"), "make_it", False),
    "import_missing": (
        SOUND.replace("import torch.nn.functional as F\n", ""),
        "F.relu(self.norm1",
        True,
    ),
    "attribute_unknown_near": (replaced("self.pool(F", "self.pol(F"), "self.pol(", True),
    "attribute_unknown": (
        replaced("self.fc(x)", "self.zzz(x)").replace("self.fc =", "fc ="),
        "self.zzz",
        False,
    ),
    "forward_misspelt": (replaced("def forward", "def foward"), "def foward", True),
    "init_misspelt": (replaced("def __init__", "def __init"), "def __init", True),
    "missing_super": (replaced("        super().__init__()\n", ""), "def __init__", True),
    "super_not_called": (replaced("super().__init__()", "super().__init__"), "super()", True),
    "super_other_class": (
        replaced("super().__init__()", "super(Other, self).__init__()").replace(
            "class Small", "class Other(nn.Module):\n    pass\n\n\nclass Small"
        ),
        "super(Other",
        True,
    ),
    "hides_method": (
        replaced("self.fc =", "self.train = True\n        self.fc ="),
        "self.train",
        True,
    ),
    "syntax_mended": (
        replaced("F.relu(self.conv2(x))", "F.relu(self.conv2(x)):"),
        "self.conv2(x)):",
        True,
    ),
    "argument_unknown": (
        replaced("padding=1)\n        self.norm1", "pading=1)\n        self.norm1"),
        "pading",
        False,
    ),
    "argument_missing": (
        replaced("nn.Linear(32, num_classes)", "nn.Linear(32)"),
        "nn.Linear",
        False,
    ),
    "shape_conv": (replaced("nn.Conv2d(16, 32", "nn.Conv2d(24, 32"), "F.relu(self.conv2", True),
    "shape_norm": (replaced("BatchNorm2d(16)", "BatchNorm2d(32)"), "self.norm1(", True),
    "shape_linear": (replaced("nn.Linear(32,", "nn.Linear(64,"), "return self.fc", True),
    "nothing_returned": (
        replaced("        return self.fc(x)", "        x = self.fc(x)"),
        "def forward",
        False,
    ),
    "future_late": (
        replaced("\nclass Small", "from __future__ import annotations\n\n\nclass Small"),
        "from __future__",
        False,
    ),
    "torch_refuses": (
        replaced("return self.fc(x)", "return self.fc(x.expand_as(self.conv1.weight))"),
        "expand_as",
        False,
    ),
    "result_lost": (replaced("x = F.relu(self.conv2(x))", "y = self.conv2(x)"), "y = self", True),
    "result_thrown": (
        replaced("x = F.relu(self.conv2(x))", "x = self.conv2(x)\n        F.relu(x)"),
        "        F.relu(x)",
        True,
    ),
    "batch_size_global": (
        replaced("x.view(x.size(0), -1)", "x.view(batch_size, -1)") + "\nbatch_size = 64\n",
        "view(batch_size",
        True,
    ),
    "view_merges_batch": (replaced("x.view(x.size(0), -1)", "x.view(-1)"), "view(-1)", True),
    "dropout_always_on": (replaced(", training=self.training", ""), "F.dropout", True),
    "softmax_over_batch": (
        replaced("return self.fc(x)", "return F.softmax(self.fc(x), dim=0)"),
        "dim=0",
        True,
    ),
    "softmax_then_cross_entropy": (
        replaced("return self.fc(x)", "return F.softmax(self.fc(x), dim=1)")
        + "\nloss = nn.CrossEntropyLoss()\n",
        "dim=1",
        False,
    ),
    "no_nonlinearity": (
        replaced("x = F.relu(self.conv2(x))", "x = F.relu(self.conv3(self.conv2(x)))").replace(
            "self.fc =", "self.conv3 = nn.Conv2d(32, 32, 3)\n        self.fc ="
        ),
        "self.conv2 =",
        False,
    ),
    "norm_after_activation": (
        replaced("F.relu(self.norm1(self.conv1(x)))", "self.norm1(F.relu(self.conv1(x)))"),
        "self.norm1 =",
        False,
    ),
    "module_unused": (
        replaced("self.fc =", "self.extra = nn.Conv2d(3, 3, 3)\n        self.fc ="),
        "self.extra",
        False,
    ),
    "plain_list": (
        replaced(
            "self.fc =", "self.more = [nn.Conv2d(32, 32, 1), nn.ReLU()]\n        self.fc ="
        ).replace(
            "        x = F.dropout",
            "        for layer in self.more:\n            x = layer(x)\n        x = F.dropout",
        ),
        "self.more =",
        True,
    ),
    "made_in_forward": (
        replaced("F.dropout(x, 0.2, training=self.training)", "nn.Dropout(0.2)(x)"),
        "nn.Dropout",
        False,
    ),
    "in_place": (
        replaced(
            "x = F.relu(self.conv2(x))",
            "y = F.relu(self.conv2(x))\n        y += 0 * F.relu(y)\n        x = y",
        ),
        "y += 0",
        False,
    ),
    "returns_several": (replaced("return self.fc(x)", "return self.fc(x), x"), "return", False),
    "output_unused": (
        replaced(
            "        x = F.dropout",
            "        F.max_pool2d(self.conv1(torch.relu(self.first)), 2)\n        x = F.dropout",
        ).replace(
            "    def forward(self, x):\n", "    def forward(self, x):\n        self.first = x\n"
        ),
        "F.max_pool2d",
        False,
    ),
    "defined_twice": (
        SOUND + SOUND.split("\n\n", 1)[1].replace("import", "#"),
        "class Small",
        False,
    ),
}
