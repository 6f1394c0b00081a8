"""Texts that are meant to harm, or that are no nets: a sentence, within the bounds."""

import json
import random
import time
import tracemalloc
from pathlib import Path

import pytest
from faulty import HEAD, SOUND

from cnn_space.checking.checker import check
from cnn_space.checking.limits import Limits

NET = (
    HEAD
    + "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
    + "        self.c = nn.Conv2d(3, 8, 3)\n        {init}\n    def forward(self, x):\n"
    + "        {forward}\n        return self.c(x)\n"
)


def net(init="pass", forward="pass"):
    return NET.format(init=init, forward=forward)


UNREADABLE = {
    "brackets": "x = " + "(" * 50_000 + "1" + ")" * 50_000,
    "signs": "x = " + "-" * 100_000 + "1",
    "a long chain": "x = a" + ".b" * 60_000,
    "a long sum": "x = " + "1+" * 60_000 + "1",
    "blocks": "\n".join(" " * i + "if 1:" for i in range(300)) + "\n" + " " * 300 + "x = 1",
    "ten megabytes": "x = 1\n" * 2_000_000,
    "too long": "x = 1\n" * 40_000,
    "bytes": bytes(range(256)) * 100,
    "a zero": "import torch\0",
    "nothing": "  \n\n",
    "Java": "public class Net extends Module { private int x; }",
    "C++": "#include <torch/torch.h>\nstruct Net : torch::nn::Module { Net() { c = 3; } };",
    "HTML": "<html><body><p>def</p></body></html>",
    "Korean": "안녕하세요 이것은 코드가 아닙니다",
    "JSON": '{"a": 1}',
    "another library": "from tensorflow import keras\nmodel = keras.Sequential([])\n",
    "a broken notebook": '{"cells": [{"cell_type": "code"}]}',
    "a deep notebook": '{"cells": ' + "[" * 100_000 + ', "cell_type"}',
}
BOUNDED = {
    "loop": net("while True: pass"),
    "loop in forward": net(forward="while True: x = x + 1"),
    "recursion": net(forward="return self.forward(x)"),
    "a net in itself": HEAD + "class A(nn.Module):\n    def __init__(self):\n"
    "        super().__init__()\n        self.a = A()\n    def forward(self, x): return x\n",
    "power": net("y = 10 ** 10 ** 10"),
    "shift": net("y = 1 << 10 ** 9"),
    "text": net("y = 'a' * 10 ** 10"),
    "list": net("y = [0] * 10 ** 10"),
    "lists in lists": net(
        "y = []\n        for _ in range(60): y = [y, y]\n        z = []\n"
        "        for _ in range(60): z = [z, z]\n        y == z"
    ),
    "tuples as a key": net("y = ()\n        for _ in range(60): y = (y, y)\n        d = {y: 1}"),
    "a long product": net("import math\n        y = math.prod(range(1, 49_000))"),
    "range": net("for i in range(10 ** 12): pass"),
    "width": net("y = f'{1:1000000000}'"),
    "percent": net("y = '%1000000000d' % 1"),
    "layers": net("self.d = nn.Sequential(*[nn.ReLU() for _ in range(10 ** 6)])"),
    "a huge layer": net("self.d = nn.Linear(10 ** 12, 10 ** 12)"),
    "a huge tensor": net(forward="y = torch.zeros(10 ** 9, 10 ** 9, 10 ** 9)"),
    "parts": net(forward="y = x.flatten().split(1)"),
    "recurrent layers": net("self.l = nn.LSTM(3, 3, num_layers=10 ** 6)"),
}
MANY = "l, s = [0] * 40_000, 'a' * 40_000\n        k = []\n        while True: k.append({})"
GREEDY = {
    "lists": net(MANY.format("[0] * 40_000")),
    "copies": net(MANY.format("l[:]")),
    "pairs": net(MANY.format("list(enumerate(l))")),
    "dicts": net(MANY.format("{{**{n: 0 for n in range(9_000)}}}")),
    "texts": net(MANY.format("s.upper()")),
    "joined": net("y = ('x' * 40_000).join(['a'] * 40_000)"),
    "formatted": net("y = ('{0}' * 16_000).format('a' * 49_000)"),
    "percent": net("y = '%s' * 20_000 % (('a' * 49_000,) * 20_000)"),
    "shown": net("y = ['a' * 49_000] * 200\n        z = str([y] * 200)"),
    "numbers": net(MANY.format("torch.arange(49_000)")),
}
HARMLESS = {
    "a lattice of classes": HEAD
    + "class A0(nn.Module): pass\nclass B0(nn.Module): pass\n"
    + "".join(f"class {x}{n}(A{n - 1}, B{n - 1}): pass\n" for n in range(1, 40) for x in "AB")
    + SOUND[len(HEAD) :],
    "a cycle": net("self.a = self"),
    "shadowed names": HEAD + "len = print\nsuper = 5\n" + SOUND[len(HEAD) :].replace("super", "#"),
    "another module": HEAD + "import os\nos.system('exit')\n" + SOUND[len(HEAD) :],
    "exec": HEAD + "exec('raise SystemExit')\neval('1')\n" + SOUND[len(HEAD) :],
}
REACHING = [
    "().__class__.__bases__[0].__subclasses__()",
    "self.forward.__globals__",
    "self.__init__.__func__.__globals__['__builtins__']",
    "getattr(self, '__class__').__mro__[-1].__subclasses__()",
    "nn.Conv2d.__init__.__globals__",
    "torch.__loader__.load_module('os')",
    "'{0.__class__.__mro__}'.format(1)",
]


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_is_no_net_gets_a_sentence(name):
    report = check(UNREADABLE[name])
    assert not report.readable
    assert report.exit_code == 2
    assert report.reason


@pytest.mark.parametrize("name", BOUNDED)
def test_bounds_hold(name):
    started = time.process_time()
    report = check(BOUNDED[name])
    assert time.process_time() - started < 2 * Limits().seconds
    assert any("stopped" in entry["what"] for entry in report.not_understood)
    assert report.net.name in ("Net", "A")


@pytest.mark.parametrize("name", GREEDY)
def test_no_text_takes_all_memory(name):
    check(net())  # what is loaded once does not count
    tracemalloc.start()
    try:
        report = check(GREEDY[name])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 200e6
    assert any("stopped" in entry["what"] for entry in report.not_understood)


@pytest.mark.parametrize("name", HARMLESS)
def test_odd_texts_are_read(name):
    assert check(HARMLESS[name]).readable


@pytest.mark.parametrize("code", REACHING)
def test_no_name_reaches_into_python(code, tmp_path):
    report = check(net(f"self.y = {code}", "self.z = self.y"))
    found = [p.values.get("name", "") for p in report.problems]
    unknown = [entry["what"] for entry in report.not_understood]
    assert any("__" in what for what in (*found, *unknown))


def test_nothing_is_executed(tmp_path):
    mark = tmp_path / "mark"
    harm = f"open({str(mark)!r}, 'w').write('x')"
    text = (
        f"import os, subprocess\n{harm}\nos.system('touch {mark}')\nexec({harm!r})\n"
        f"__import__('os').system('touch {mark}')\nsubprocess.run(['touch', '{mark}'])\n{SOUND}"
    )
    assert check(text).complete
    assert not mark.exists()


def test_a_notebook_with_outputs_and_magics(tmp_path):
    cells = [
        {"cell_type": "markdown", "source": ["# class Fake(nn.Module)"]},
        {
            "cell_type": "code",
            "source": ["%matplotlib inline\n", "!pip install x\n", "import torch.nn as nn\n"],
            "outputs": [{"data": {"image/png": "A" * 3_000_000}}],
        },
        {"cell_type": "code", "source": "net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())"},
    ]
    path = tmp_path / "net.ipynb"
    path.write_text(json.dumps({"cells": cells}), encoding="utf-8")
    report = check(path)
    assert (report.net.name, report.net.kind) == ("net", "variable")
    assert report.parameters == 3 * 8 * 9 + 8
    assert [row.kind for row in report.layers] == ["conv", "relu"]


def test_mutated_texts_never_break_the_checker():
    """Random changes of valid files, from a fixed seed."""
    chance = random.Random(28)
    models = Path(check.__code__.co_filename).parents[1] / "models"
    texts = [SOUND, *(models.joinpath(f"{n}.py").read_text() for n in ("lenet", "nin", "alexnet"))]
    pieces = ["(", ")", ":", "self", "nn.", "0", "-1", "None", "[", "]", "=", "x", "lambda:"]
    pieces += ["1e9", "*", "**", ".view(-1)", "return", "'", "é"]
    pieces += ["\n", "    ", "\t", '"']
    for _ in range(120):
        text = chance.choice(texts)
        for _ in range(chance.randint(1, 6)):
            at = chance.randrange(len(text))
            length = chance.choice((0, 0, 1, 3, 12))
            text = text[:at] + chance.choice(["", *pieces]) + text[at + length :]
        report = check(text)
        assert report.reason_kind != "internal", text
        assert report.exit_code in (0, 1, 2)
