"""Check your net: what its handlers show of a text, and what the endpoint gives."""

import json

import gradio as gr
import pytest
from markup import parse, sheet, text, with_class
from safetensors.torch import save_file
from visitors import ENGLISH, KOREAN, by_name

from cnn_space.__main__ import main
from cnn_space.checking.report import Finding, Report
from cnn_space.models.registry import create_model
from cnn_space.page.check import checks, handlers, view

checker = by_name(handlers.Checker)
EXAMPLE = checks.example()
SOUND = EXAMPLE.replace("inception4e = Inception(512", "inception4e = Inception(528")
PANELS = {"verdict", "findings", "mend", "mended", "identity", "layers"}
MAKER = EXAMPLE + "\n\ndef googlenet(classes=7):\n    return GoogLeNet(classes)\n"


def show(code=EXAMPLE, net="", arguments="", input_shape="", request=ENGLISH, file=None) -> dict:
    return checker.show(request, 7, file, code, net, arguments, input_shape)


def opened(answer: dict) -> str | None:
    """The text that goes into the editor."""
    found = parse(answer["verdict"]).find(".//*[@data-opened]")
    return None if found is None else found.get("data-opened")


def headline(answer: dict) -> str:
    return text(with_class(answer["verdict"], "headline")[0])


def faults(answer: dict) -> list[tuple[str, str]]:
    """The line that each finding names first, and the text of that line."""
    places = with_class(answer["findings"], "at")
    return [(text(place.find("button")), text(place.find("code"))) for place in places]


def rows(html: str) -> list[list[str]]:
    return [[text(cell) for cell in row] for row in parse(html).find(".//tbody").iter("tr")]


def test_the_example_has_three_faults_each_at_its_line():
    answer = show()
    assert headline(answer) == "3 faults in GoogLeNet"
    found = dict(faults(answer))
    assert found["line 8"] == "def __init__(self, in_channels, out_channels, **kwargs):"
    assert found["line 76"] == "torch.flatten(x, 1)" and len(found) == 3
    (instead,) = [p for p in with_class(answer["findings"], "instead") if "x =" in text(p)]
    assert text(instead) == "Write x = torch.flatten(x, 1)."
    assert answer["mend"]["visible"] and answer["mend"]["value"] == "Apply the 2 corrections"
    added = [text(line) for line in with_class(answer["mended"], "added")]
    assert added == ["+ super().__init__()", "+ x = torch.flatten(x, 1)"]


@pytest.mark.parametrize(("lang", "lines"), [("en", "line 13 · line 9"), ("ko", "13행 · 9행")])
def test_a_finding_at_two_lines_names_both_apart(lang, lines):
    found = Report(problems=(Finding(13, "kind", "wrong", "wrong", also=(9,)),))
    (place,) = with_class(view.findings(found, lang), "at")
    assert text(place) == lines


def test_the_fields_show_in_grey_what_was_found():
    answer = show(MAKER)
    assert answer["net"]["choices"][0] == ("GoogLeNet (found)", "")
    names = [name for _, name in answer["net"]["choices"]]
    assert names == ["", "ConvBlock", "Inception", "GoogLeNet", "googlenet"]
    assert answer["arguments"]["placeholder"] == "num_classes=10"
    assert answer["input_shape"]["placeholder"] == "3, 224, 224"


def test_the_corrections_lie_ready_for_the_editor():
    (part,) = with_class(show(SOUND)["mended"], "mended")
    mended = part.get("data-mended")
    assert mended == checks.report(checks.Asked(SOUND)).mended.strip()
    answer = show(mended)
    assert headline(answer) == (
        "Same as GoogLeNet (torchvision form, no auxiliary heads), for 10 classes"
    )
    assert not answer["mend"]["visible"] and answer["mended"] == ""


def test_every_panel_says_which_question_it_answers():
    """By it the browser dims what is of an older one: see outdated.js."""
    answer = show(MAKER)
    for panel in PANELS - {"mend"}:
        (note,) = parse(answer[panel]).findall(".//*[@data-of]")
        assert (note.get("data-tab"), note.get("data-of")) == ("check", "7")


def test_the_table_and_its_file_add_up():
    answer = show(checks.report(checks.Asked(SOUND)).mended, arguments="num_classes=7")
    table = rows(answer["layers"])
    assert table[0][:4] == [
        "conv1.conv",
        "conv 7×7, stride 2, padding 3",
        "64 × 112 × 112",
        "9,408",
    ]
    header, *layers = sheet(answer["layers"])
    stored = sum(int(row[header.index("parameters")]) for row in layers)
    net = create_model("googlenet", 7, aux=False)
    assert stored == sum(parameter.numel() for parameter in net.parameters())
    assert f"{stored:,} parameters" in text(parse(answer["verdict"]))


def test_differences_stand_side_by_side():
    answer = show()
    (row,) = rows(answer["identity"])
    assert row == [
        "No auxiliary heads.",
        "section 5",
        "0",
        "4,350,484",
        "",  # heads run in training alone: no total of MACs has them
        "",
        "line 38",
    ]
    assert 'create_model("googlenet", num_classes=10)' in text(parse(answer["identity"]))


def test_choices_of_the_visitor():
    block = show(net="ConvBlock", arguments="in_channels=3, out_channels=8, kernel_size=3")
    assert block["net"]["value"] == "ConvBlock"
    assert block["arguments"]["placeholder"].startswith("in_channels=3, out_channels=8")
    small = show(SOUND, input_shape="3 × 64 × 64")
    assert small["input_shape"]["placeholder"] == "3, 64, 64"
    assert show(MAKER, "googlenet")["arguments"]["placeholder"] == "classes=7"
    assert show("class Other:\n    pass\n" + EXAMPLE, net="Gone")["net"]["value"] == ""


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("input_shape", "3,0,224", "channels, height, width"),
        ("input_shape", "wide", "channels, height, width"),
        ("input_shape", "3,99999999,1", "channels, height, width"),
        ("arguments", "10", "name=value"),
        ("arguments", "num_classes=10) + f(", "name=value"),
        ("arguments", "**{}", "name=value"),
        ("arguments", "x=" + "(" * 900, "name=value"),
        ("arguments", '{"num_classes"', "name=value"),
        ("arguments", "clases=10", "num_classes"),
    ],
)
def test_a_wrong_choice_gets_a_sentence_at_its_field(field, value, words):
    answer = show(**{field: value})
    assert words in answer[field]["info"] and answer[field]["elem_classes"] == ["bad"]
    assert not PANELS & answer.keys()
    assert show()[field]["info"] == ""


@pytest.mark.parametrize("request_", [ENGLISH, KOREAN])
@pytest.mark.parametrize(
    "code", ["", "def", "print(1)", "(" * 5000, "x = 1\n" * 50_000, "\0", "import os; os.abort()"]
)
def test_what_is_no_net_gets_a_sentence(code, request_):
    answer = show(code, request=request_)
    assert headline(answer)
    assert answer["layers"] == "" and not answer["mend"]["visible"]


def test_too_long_a_text_is_said():
    answer = show("x = 1\n" * 50_000)
    assert headline(answer) == "This cannot be read"
    assert "300,000 bytes" in text(parse(answer["verdict"]))


def test_korean():
    answer = show(request=KOREAN)
    assert headline(answer) == "GoogLeNet: 오류 3개"
    assert faults(answer)[0][0] == "8행"
    assert "없습니다" in text(with_class(answer["findings"], "check-findings")[0])


def test_code_in_a_sentence_is_marked_and_escaped():
    assert view.with_code("`<b>` is <i>") == "<code>&lt;b&gt;</code> is &lt;i&gt;"
    assert view.with_code("a ` alone") == "a ` alone"


def test_files(tmp_path):
    module = tmp_path / "net.py"
    module.write_text("\n\n" + SOUND)
    answer = show("x = 1", "Old", "old=1", "1,2,3", file=str(module))
    assert all(answer[field]["value"] == "" for field in handlers.FIELDS)
    assert opened(answer) == SOUND.strip() and answer["file"] is None
    assert headline(answer) == "2 faults in GoogLeNet"
    notebook = tmp_path / "net.ipynb"
    cells = [{"cell_type": "code", "source": SOUND, "outputs": []}]
    notebook.write_text(json.dumps({"cells": cells}))
    assert "class GoogLeNet" in opened(show(file=str(notebook)))
    binary = tmp_path / "odd.py"
    binary.write_bytes(bytes(range(256)))
    answer = show(file=str(binary))
    assert headline(answer) == "“odd.py” cannot be read" and opened(answer) is None


def test_weights_show_their_layers(tmp_path):
    net = create_model("lenet5", 10)
    save_file(net.state_dict(), tmp_path / "net.safetensors")
    answer = show(file=str(tmp_path / "net.safetensors"))
    assert opened(answer) is None
    assert f"{sum(p.numel() for p in net.parameters()):,} parameters" in answer["verdict"]


def test_the_endpoint_gives_what_the_command_prints(tmp_path, capsys):
    file = tmp_path / "net.py"
    file.write_text(SOUND)
    options = ["--class", "GoogLeNet", "--input", "3,96,96", "--arg", "num_classes=7", "--json"]
    assert main(["check", str(file), *options]) == 1
    printed = json.loads(capsys.readouterr().out)
    for arguments in ("num_classes=7", '{"num_classes": 7}'):
        given = handlers.check(SOUND, "GoogLeNet", "3,96,96", arguments)
        assert json.loads(json.dumps(given)) == printed
    assert printed["output_shape"] == [7] and printed["input_shape"] == [3, 96, 96]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((EXAMPLE, "Nothing"), "no net called 'Nothing'"),
        ((EXAMPLE, "", "a,b"), "input_shape is 'a,b'"),
        ((EXAMPLE, "", "", "10"), "arguments are '10'"),
        ((EXAMPLE, "", "", "clases=10"), "no argument 'clases'"),
        ((None,), "must be text"),
    ],
)
def test_the_endpoint_says_what_is_wrong(arguments, words):
    with pytest.raises(gr.Error, match=words):
        handlers.check(*arguments)


def test_the_endpoint_reads_what_is_no_python():
    answer = handlers.check("public class Net {}")
    assert answer["readable"] is False and answer["reason"]
