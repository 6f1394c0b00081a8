"""The HTML of "Check your net": a report in, templates filled."""

from dataclasses import dataclass

from markupsafe import Markup, escape

from cnn_space.checking import sentences
from cnn_space.checking.report import Difference, Finding, Nearest, Report
from cnn_space.formats import count, shape, two_decimals
from cnn_space.page.common.templates import render
from cnn_space.page.common.texts import say

MOST_ROWS = 1000  # of the table on the page; its file has all
MOST_FINDINGS = 200


@dataclass(frozen=True)
class Shown:
    """A finding or a difference in the visitor's language, its code marked."""

    line: int
    code: str  # the text of the line
    message: Markup
    suggestion: Markup
    of: Finding | Difference


def with_code(text: str) -> Markup:
    """A sentence as HTML, with what stands between backticks as code."""
    parts = text.split("`")
    if len(parts) % 2 == 0:  # a backtick without its partner is a sign like any other
        return escape(text)
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if index % 2 else escape(part)
        for index, part in enumerate(parts)
    )


def sentence(text: str) -> str:
    """With a capital at the start, unless that is code, and a full stop at the end."""
    text = text.strip()
    if not text:
        return ""
    end = "" if text.endswith((".", ":", "!", "?", "다")) else "."
    return text[:1].upper() + text[1:] + ("." if text.endswith("다") else end)


def line_text(found: Report, line: int) -> str:
    """A line of the text without its indent; "" for a line that it does not have."""
    lines = found.text.split("\n")
    return lines[line - 1].strip()[:200] if 1 <= line <= len(lines) else ""


def _shown(found: Report, of: Finding | Difference, lang: str) -> Shown:
    message = sentence(sentences.say(of.kind, of.values, lang) or of.message)
    suggestion = sentences.suggestion(of.kind, of.values, lang)
    return Shown(
        of.line, line_text(found, of.line), with_code(message), with_code(suggestion), of
    )  # fmt: skip


def title(nearest: Nearest, lang: str) -> str:
    """The name and form of a published net, or of a block of one."""
    return sentences.say(nearest.title_key, {}, lang) or nearest.title


# --- the verdict ---


def headline(found: Report, lang: str = "en") -> str:
    """What the net is, or how many faults keep it from that; one short sentence."""
    wrong = sum(problem.severity == "wrong" for problem in found.problems)
    nearest = found.nearest
    if not found.readable:
        file = found.reason_values.get("file")
        return say("check_file", lang, file=file) if file else say("check_unreadable", lang)
    if wrong:
        key = "check_fault" if wrong == 1 else "check_faults"
        return say(key, lang, count=wrong, net=found.net.name if found.net else "")
    if found.net is None:
        return say("check_no_net", lang)
    if nearest is None:
        return say("check_like_none", lang, net=found.net.name)
    if not nearest.same:
        return say("check_near", lang, title=title(nearest, lang))
    if nearest.block or not found.output_shape or len(found.output_shape) != 1:
        return say("check_same", lang, title=title(nearest, lang))
    classes = count(found.output_shape[0])
    return say("check_same_classes", lang, title=title(nearest, lang), classes=classes)


def remarks(found: Report, lang: str = "en") -> list[str]:
    """What else is to be known before the details."""
    if not found.readable:
        return [sentence(sentences.say(found.reason_kind, found.reason_values, lang))]
    wrong = sum(problem.severity == "wrong" for problem in found.problems)
    doubtful = len(found.problems) - wrong
    mended = sum(problem.mended for problem in found.problems)
    weights = found.net is not None and found.net.kind == "weights"
    said = []
    if mended:
        said.append(say("check_mended_one" if mended == 1 else "check_mended", lang, count=mended))
    if wrong and found.nearest:
        key = "check_else_same" if found.nearest.same else "check_else_near"
        said.append(say(key, lang, title=title(found.nearest, lang)))
    if doubtful:
        said.append(say("check_doubt" if doubtful == 1 else "check_doubts", lang, count=doubtful))
    if not found.problems and found.net and not weights:
        whole = found.complete and not found.not_understood
        said.append(say("check_nothing_wrong" if whole else "check_nothing_wrong_in_part", lang))
    if found.net and not found.complete and not weights:
        said.append(say("check_incomplete", lang))
    return said


def verdict(found: Report, lang: str = "en") -> Markup:
    """The headline in large type, the remarks, and the net's totals."""
    state = "unread" if not found.readable else "wrong" if found.wrong else "sound"
    return render(
        "check/templates/verdict.html",
        lang,
        state=state,
        headline=headline(found, lang),
        remarks=[with_code(remark) for remark in remarks(found, lang)],
        totals=totals(found, lang) if found.layers else "",
    )


def opened(text: str) -> Markup:
    """A file's text, for the editor."""
    return render("check/templates/opened.html", text=text)


# --- the panels ---


def findings(found: Report, lang: str = "en") -> Markup:
    """Each finding at its line, and what was not understood."""
    problems = [_shown(found, problem, lang) for problem in found.problems[:MOST_FINDINGS]]
    unknown = [
        (
            entry["line"],
            line_text(found, entry["line"]),
            with_code(sentences.say(entry["kind"], entry["values"], lang) or entry["what"]),
        )
        for entry in found.not_understood[:MOST_FINDINGS]
    ]
    return render("check/templates/findings.html", lang, problems=problems, unknown=unknown)


def mend_label(found: Report, lang: str = "en") -> str:
    """What the button says that puts the corrections into the editor."""
    mended = sum(problem.mended for problem in found.problems)
    return say("check_apply_one" if mended == 1 else "check_apply", lang, count=mended)


def mended(found: Report, lang: str = "en") -> Markup:
    """The corrections as a difference between two texts, line by line; nothing without any."""
    lines = [line for line in found.diff.split("\n")[2:] if line]
    if not lines:
        return Markup("")
    return render("check/templates/mended.html", lang, lines=lines, mended=found.mended.strip())


def identity(found: Report, lang: str = "en") -> Markup:
    """The classes of the text, the nearest published net, and how the two differ."""
    nearest = found.nearest
    return render(
        "check/templates/identity.html",
        lang,
        found=found,
        nearest=nearest,
        title=title(nearest, lang) if nearest else "",
        call=_call(found),
        differences=[_shown(found, one, lang) for one in nearest.differences] if nearest else [],
        notes=[sentence(sentences.say(key, {}, lang)) for key in nearest.note_keys]
        if nearest
        else [],
    )


def _call(found: Report) -> str:
    """The call that makes the nearest net here, for as many classes."""
    nearest, out = found.nearest, found.output_shape
    if nearest is None:
        return ""
    options = dict(nearest.options)
    if out and len(out) == 1 and out[0] != 1000:
        options = {"num_classes": out[0]} | options
    written = "".join(f", {name}={value!r}" for name, value in options.items())
    return f'cnn_space.create_model("{nearest.name}"{written})'


def layers(found: Report, lang: str = "en") -> Markup:
    """The table of layers, in the order they run, and its file; nothing where there are none."""
    if not found.layers:
        return Markup("")
    keys = ("layer", "kind", "output", "parameters", "macs", "field", "line")
    return render(
        "check/templates/layers.html",
        lang,
        found=found,
        rows=found.layers[:MOST_ROWS],
        titles=[say(f"check_{key}", lang) for key in keys],
        sheet=csv_rows(found),
    )


def csv_rows(found: Report) -> list[list]:
    """The table of layers as a file has it. Always English."""
    head = ["layer", "kind", "detail", "output", "parameters", "MACs", "receptive field", "line"]
    return [head] + [
        [row.name, row.kind, row.detail, "x".join(map(str, row.shape)), row.parameters, row.macs,
         "x".join(map(str, row.field)), row.line]
        for row in found.layers
    ]  # fmt: skip


# --- what the fields show ---


def net_choices(found: Report, names: list[str], lang: str = "en") -> list[tuple[str, str]]:
    """Entries of the list of nets; the first leaves the choice to the checker."""
    weights = found.net is not None and found.net.kind == "weights"
    chosen = "" if found.net is None or weights else found.net.name
    first = say("check_net_auto", lang, net=chosen) if chosen else say("check_net_none", lang)
    return [(first, "")] + [(name, name) for name in names]


def arguments_hint(found: Report) -> str:
    """The arguments that the net is made with: ``num_classes=10, aux=True``."""
    arguments = found.net.arguments if found.net else ()
    return ", ".join(f"{argument.name}={argument.value}" for argument in arguments)[:500]


def shape_hint(found: Report) -> str:
    """The size of the images that the net was read with: ``3, 224, 224``."""
    return ", ".join(map(str, found.input_shape or ()))


def totals(found: Report, lang: str = "en") -> str:
    """Parameters, MACs, and the shapes that go in and come out."""
    parts = [say("check_total_parameters", lang, count=count(found.parameters))]
    if found.macs:
        parts.append(say("check_total_macs", lang, count=two_decimals(found.macs)))
    if found.input_shape and found.output_shape:
        parts.append(f"{shape(found.input_shape)} → {shape(found.output_shape)}")
    return " · ".join(parts)
