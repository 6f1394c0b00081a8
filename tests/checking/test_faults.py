"""Each kind of fault is found at its line, and mending it makes it go away."""

import pytest
from faulty import FAULTS, SOUND, line_of

from cnn_space.checking.checker import check

KINDS = sorted(set(FAULTS) - {"defined_twice", "output_unused"})


def test_the_sound_net_has_no_findings():
    report = check(SOUND)
    assert report.problems == ()
    assert report.not_understood == ()
    assert report.exit_code == 0
    assert report.complete
    assert report.parameters == 16 * 3 * 9 + 16 + 32 + 32 * 16 * 9 + 32 + 32 * 10 + 10


@pytest.mark.parametrize("kind", KINDS)
def test_fault_is_found_at_its_line(kind):
    text, part, mended = FAULTS[kind]
    report = check(text)
    found = [p for p in report.problems if p.kind == kind]
    assert [p.line for p in found] == [line_of(text, part)]
    assert found[0].mended == mended


@pytest.mark.parametrize("kind", [k for k in KINDS if FAULTS[k][2]])
def test_mended_text_is_free_of_the_fault(kind):
    report = check(FAULTS[kind][0])
    assert report.diff
    again = check(report.mended)
    assert kind not in {p.kind for p in again.problems}
    assert not again.wrong


def test_a_class_defined_twice_is_noticed():
    text, part, _ = FAULTS["defined_twice"]
    report = check(text)
    (found,) = [p for p in report.problems if p.kind == "defined_twice"]
    assert found.line > line_of(text, part)
    assert found.also == (line_of(text, part),)


def test_modules_are_paired_by_order_where_names_say_nothing():
    text = SOUND.replace("self.pool(F", "self.a(F").replace("self.fc(x)", "self.b(x)")
    report = check(text)
    assert [(p.kind, p.values["near"]) for p in report.problems] == [
        ("attribute_unknown_near", "pool"),
        ("attribute_unknown_near", "fc"),
    ]
    assert check(report.mended).problems == ()


def test_results_in_another_order():
    text = (
        SOUND.replace("return self.fc(x)", "return self.fc(x), a, b")
        .replace("def forward(self, x):", "def both(self, x, a, b):")
        .replace(
            "        return self.fc(x), a, b", "        x = self.fc(x)\n        return x, a, b"
        )
    )
    text += "\n    def forward(self, x):\n        x, b, a = self.both(x, 1, 2)\n        return x\n"
    report = check(text)
    (found,) = [p for p in report.problems if p.kind == "results_swapped"]
    assert found.line == line_of(text, "x, b, a")
    assert "x, a, b = self.both" in report.mended


def test_auxiliary_heads_without_the_main_output():
    text = SOUND.replace(
        "        return self.fc(x)\n",
        "        y = self.fc(x)\n        if self.training:\n            return self.fc(early)\n"
        "        return y\n",
    ).replace(
        "        x = F.relu(self.conv2(x))\n",
        "        early = F.adaptive_avg_pool2d(torch.cat([x, x], 1), 1).flatten(1)\n"
        "        x = F.relu(self.conv2(x))\n",
    )
    report = check(text)
    (found,) = [p for p in report.problems if p.kind == "main_output_dropped"]
    assert found.line == line_of(text, "return self.fc(early)")


def test_a_net_without_any_nonlinearity():
    text = SOUND.replace("F.relu(self.norm1(self.conv1(x)))", "self.norm1(self.conv1(x))")
    report = check(text.replace("F.relu(self.conv2(x))", "self.conv2(x)"))
    assert [p.kind for p in report.problems] == ["no_nonlinearity_anywhere"]


def test_a_pool_that_leaves_a_map_in_front_of_the_last_layer():
    text = SOUND.replace("F.adaptive_avg_pool2d(x, 1)", "F.avg_pool2d(x, 15, 1)").replace(
        "nn.Linear(32,", "nn.Linear(128,"
    )
    report = check(text)
    (found,) = report.problems
    assert (found.kind, found.line) == ("pool_leaves_map", line_of(text, "self.fc ="))


def test_findings_have_a_sentence_in_both_languages():
    from cnn_space.checking import sentences

    english, korean = sentences.table("en"), sentences.table("ko")
    assert english.keys() == korean.keys()
    for kind in KINDS:
        assert english[kind]


def test_no_finding_where_a_base_or_a_size_is_unusual():
    text = SOUND.replace("class Small(nn.Module)", "class Small(nn.Module, Mixin)").replace(
        "class Small", "class Mixin:\n    def half(self, x):\n        return x\n\n\nclass Small"
    )
    text = text.replace("return self.fc(x)", "return self.fc(self.half(x))")
    text = text.replace("x = F.adaptive_avg_pool2d(x, 1)", "pass").replace(
        "nn.Linear(32,", "nn.Linear(32 * 10 * 10,"
    )
    report = check(text)
    assert report.problems == ()
    assert report.input_shape == (3, 20, 20)


def test_what_is_not_known_leaves_the_table_up_to_there():
    text = "import other\n" + SOUND.replace("self.conv2 = nn.Conv2d(16, 32, 3, padding=1)",
                                            "self.conv2 = other.Layer(16, 32)")  # fmt: skip
    report = check(text)
    assert report.problems == ()
    assert not report.complete
    assert [row.name for row in report.layers if row.kind == "conv"] == ["conv1"]
    lines = {entry["line"] for entry in report.not_understood}
    assert lines == {line_of(text, "other.Layer"), line_of(text, "F.relu(self.conv2")}
