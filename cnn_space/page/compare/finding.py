"""What a comparison says, in words."""

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from cnn_space.inference import comparison
from cnn_space.inference.comparison import Entry, Group
from cnn_space.page.common.templates import say_html
from cnn_space.page.common.texts import label, say

WORTH_SAYING = 1.5  # times less work


def finding(entries: Sequence[Entry], lang: str = "en") -> Markup:
    """The finding as HTML, the answers in bold; ``striptags()`` gives it as plain text."""
    waiting = [e for e in entries if not (e.ranked or e.problem)]
    if waiting:
        done = len(entries) - len(waiting)
        return say_html("compare_waiting", lang, done=done, all=len(entries))
    names = captions(entries)
    groups = comparison.groups([e for e in entries if e.ranked])
    sentences = [_verdict(group, names, lang) for group in groups]
    if len(groups) > 1:  # nets that know other classes cannot agree: each data set by itself
        sentences = [
            Markup("{}: {}").format(label(group.entries[0].record.data, lang), sentence)
            for group, sentence in zip(groups, sentences, strict=True)
        ]
    sentences += [_work(group, names, lang) for group in groups[:1]]
    return Markup(" ").join(filter(None, sentences))


def _verdict(group: Group, names: Mapping[str, str], lang: str) -> Markup:
    """Who of those that know the same classes says what."""

    def says(entry: Entry) -> Markup:
        answer = label(entry.answer, lang)
        return say_html("compare_says", lang, net=names[entry.name], answer=answer)

    entries = group.entries
    if len(entries) == 1:
        return say_html("compare_one", lang, says=says(entries[0]))
    if group.majority is None:
        return say_html("compare_split", lang, says=Markup("; ").join(map(says, entries)))
    odd = [e for e in entries if e.agrees is False]
    key = "compare_most" if odd else "compare_both" if len(entries) == 2 else "compare_all"
    return say_html(
        key,
        lang,
        agree=number(len(entries) - len(odd), lang).capitalize(),
        all=number(len(entries), lang),
        answer=label(group.majority, lang),
        odd=Markup("; ").join(map(says, odd)),
    )


def _work(group: Group, names: Mapping[str, str], lang: str) -> Markup | str:
    """Which of those that agree does it with how much less work; empty where they are alike."""
    counted = [e for e in group.entries if e.agrees and e.record.macs]
    if len(counted) < 2:
        return ""
    light, heavy = (f(counted, key=lambda e: e.record.macs) for f in (min, max))
    times = heavy.record.macs / light.record.macs
    if times < WORTH_SAYING:
        return ""
    return say_html(
        "compare_work",
        lang,
        light=names[light.name],
        heavy=names[heavy.name],
        times=f"{times:.0f}" if times >= 10 else f"{times:.1f}",
    )


def number(count: int, lang: str) -> str:
    """A count from 0 to 8 as a word."""
    return say("compare_numbers", lang).split()[count]


def captions(entries: Sequence[Entry]) -> dict[str, str]:
    """What each net is called here, by name: its title, with the data where titles are alike, and
    the name itself where that does not tell them apart."""
    titles = [e.title for e in entries]
    long = {
        e.name: f"{e.title} · {e.record.data}"
        if titles.count(e.title) > 1 and e.record.data
        else e.title
        for e in entries
    }
    return {k: v if list(long.values()).count(v) == 1 else k for k, v in long.items()}
