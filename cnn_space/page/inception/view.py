"""The Inception tab's HTML: records in, templates filled."""

from dataclasses import dataclass, replace

from markupsafe import Markup

from cnn_space.costs.inception import CHANNEL_LIMIT, InceptionCosts, chain
from cnn_space.formats import count
from cnn_space.page.common.templates import render
from cnn_space.page.common.texts import say
from cnn_space.page.inception import cost_table, drawing, googlenet_map, paper, whole_net
from cnn_space.page.inception.claims import claims
from cnn_space.page.inception.form import preset_of
from cnn_space.page.inception.whole_net import Walk


def _titles(lang: str, *keys: str) -> list[str]:
    """The heads of a table; a column without a key has none."""
    return [say(f"inception_{key}", lang) if key else "" for key in keys]


@dataclass(frozen=True)
class Comparison:
    """A module beside the other one of the pair naive and reduced: ``factor`` times ``unit``, a
    key of the texts, as are its ``_figure`` and ``note``."""

    other: InceptionCosts
    factor: float
    unit: str
    note: str


def comparison(module: InceptionCosts) -> Comparison:
    """How much less (or more) work a module does than its naive form; of a naive one, how much
    more than with reductions."""
    if not module.reduction:
        other = module.reduced
        factor = module.macs / other.macs
        return Comparison(other, factor, "inception_naive_less", "inception_naive_note")
    other = module.naive
    factor = other.macs / module.macs
    unit = "inception_less" if factor >= 1 else "inception_more"
    return Comparison(other, max(factor, 1 / factor), unit, "inception_less_note")


def figure(module: InceptionCosts, chained: bool = False, lang: str = "en") -> Markup:
    """The drawing and three big figures; the chain below when it is asked for."""
    return render(
        "inception/templates/figure.html",
        lang,
        module=module,
        wide=drawing.wide(module),
        narrow=drawing.narrow(module),
        comparison=comparison(module),
        chain=chain_table(module, lang) if chained else "",
    )


@dataclass(frozen=True)
class ChainRow:
    """A module of the chain, and the one at its place in the chain of naive modules."""

    name: str
    module: InceptionCosts
    naive: InceptionCosts


def chain_rows(first: InceptionCosts) -> list[ChainRow]:
    """The modules from ``first`` to 5b, each fed by the one before; as far as both chains go."""
    name = preset_of(first) or "3a"
    modules, naives = chain(first, name=name), chain(first.naive, name=name)
    return [ChainRow(key, modules[key], naives[key]) for key in modules if key in naives]


def chain_table(first: InceptionCosts, lang: str = "en") -> Markup:
    """The chain as a table, with its sums above."""
    rows = chain_rows(first)
    sums = {
        "parameters": sum(row.module.parameters for row in rows),
        "macs": sum(row.module.macs for row in rows),
        "naive_parameters": sum(row.naive.parameters for row in rows),
        "naive_macs": sum(row.naive.macs for row in rows),
    }
    return render(
        "inception/templates/chain.html",
        lang,
        rows=rows,
        sums=sums,
        most=max(max(row.module.macs, row.naive.macs) for row in rows),
        sheet=_chain_sheet(rows),
        ends_early=rows[-1].name != "5b",
        limit=CHANNEL_LIMIT,
        titles=_titles(
            lang, "module", "map", "channels", "parameters", "macs", "", "naive_channels",
            "naive_macs",
        ),
    )  # fmt: skip


def _chain_sheet(rows: list[ChainRow]) -> list[list]:
    """The chain as a CSV file has it, always English: shapes in numbers of their own."""
    sheet = [["module", "height", "width", "in", "out", "parameters", "MACs",
              "naive in", "naive out", "naive parameters", "naive MACs"]]  # fmt: skip
    for row in rows:
        module, naive = (
            [m.in_channels, m.result[0], m.parameters, m.macs] for m in (row.module, row.naive)
        )
        sheet.append([row.name, row.module.height, row.module.width, *module, *naive])
    return sheet


def quantities(module: InceptionCosts) -> list[str]:
    """The columns worth showing: biases and batch norm only where there are any."""
    hidden = {name for name in ("biases", "norm") if not module.total(name)}
    if hidden == {"biases", "norm"}:
        hidden.add("weights")  # then they are all the parameters
    return [name for name in cost_table.QUANTITIES if name not in hidden]


def layer_table(module: InceptionCosts, unfolded: bool = False, lang: str = "en") -> Markup:
    """One row per layer, every number with its arithmetic; then the totals, and those of the other
    module of the pair naive and reduced."""
    columns = quantities(module)
    return render(
        "inception/templates/layers.html",
        lang,
        module=module,
        other=module.naive if module.reduction else module.reduced,
        columns=columns,
        unfolded=unfolded,
        name=lambda layer: cost_table.layer_name(layer, module, lang),
        titles=_titles(lang, "layer", "kernel", "in", "out", *columns, "memory"),
        sheet=[cost_table.HEADERS, *cost_table.rows(module)],
    )


def paper_table(module: InceptionCosts, lang: str = "en") -> Markup:
    """Table 1 as printed beside the same widths computed; what differs is marked and explained."""
    return render(
        "inception/templates/paper.html",
        lang,
        rows=paper.rows(),
        sheet=paper.sheet(),
        current=preset_of(module),
        differs=paper.differs,
        titles=_titles(
            lang, "module", "paper_params", "our_params", "difference", "paper_ops", "our_ops",
            "difference", "remark",
        ),
    )  # fmt: skip


def code_link(code: str, lang: str = "en") -> Markup:
    """The code as a file inside its own link."""
    return render("inception/templates/code_link.html", lang, code=code)


def here(module: InceptionCosts, lang: str = "en") -> Markup:
    """What the claims come to in the module on the page."""
    branch = module.branches[2]
    weights = {
        name: sum(layer.weights.value for layer in replace(module, kernel5x5=kernel).branches[2])
        for name, kernel in (("five", 5), ("three", 3), ("two", "3+3"))
    }
    return render(
        "inception/templates/here.html",
        lang,
        multiplications=sum(layer.multiplications.value for layer in branch),
        weights=sum(layer.weights.value for layer in branch),
        by_kernel={name: count(value) for name, value in weights.items()},
        naive=module.naive,
    )


def claims_list(lang: str = "en") -> Markup:
    """All claims: what is said, and what is true."""
    facts = {
        name: {key: count(v) if isinstance(v, int) else v for key, v in values.items()}
        for name, values in claims().items()
    }
    return render("inception/templates/claims.html", lang, claims=facts)


def googlenet(lang: str = "en") -> Markup:
    """The whole of GoogLeNet, and what its auxiliary heads cost and bring."""
    parts = googlenet_map.parts()
    return render(
        "inception/templates/googlenet_map.html",
        lang,
        parts=parts,
        heads=[part.head for part in parts if part.head],
        most=max(part.mac_share for part in parts),
        experiment=googlenet_map.experiment(),
    )


def net_panel(name: str, net: Walk, search: str = "", lang: str = "en") -> Markup:
    """Totals, two bars, the stages, and the layers that ``search`` finds."""
    stages = whole_net.stages(net)
    return render(
        "inception/templates/whole_net.html",
        lang,
        net=net,
        learning=sum(layer.kind in ("conv", "linear") for layer in net.layers),
        stages=stages,
        stage_sheet=[
            ["stage", "parameters", "MACs"],
            *([stage.name, stage.parameters, stage.macs] for stage in stages),
        ],
        found=whole_net.matching(net.records, search),
        found_auxiliary=whole_net.matching(net.auxiliary, search),
        stage_titles=_titles(lang, "net_stage", "parameters", "", "macs", ""),
        titles=_titles(
            lang, "layer", "net_kind", "kernel", "in", "out", "parameters", "macs", "net_field",
            "net_stride",
        ),
        file=name.replace(" · ", "_").replace(" ", "_"),
        sheet=whole_net.csv_rows(net.records),
    )  # fmt: skip
