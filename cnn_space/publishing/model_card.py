"""A net's card for the Hub: metadata the Hub reads, text people read, and the curves as a picture.

Everything in it comes from the JSON card that training wrote beside the weights.
"""

import io

from cnn_space.training.recipes import small_sides

LICENSE = "apache-2.0"

# What is known of the terms of each set's images, which are not ours to license.
DATA_TERMS = {
    "cifar10": "CIFAR-10 (A. Krizhevsky, 2009) comes without a stated licence; its authors ask to "
    "cite their report.",
    "imagenette": "Imagenette's images are ImageNet's, whose terms allow research and teaching.",
    "stl10": "STL-10's images are ImageNet's, whose terms allow research and teaching.",
}


def metadata(cards: list[dict]) -> dict:
    """What the Hub reads at the head of a README: one entry of ``model-index`` for each card."""
    from cnn_space.images.sources import SOURCES, origin

    index, data_sets = [], []
    for card in cards:
        data = card.get("data", {})
        tag = data.get("tag", card["name"].rpartition(".")[2])
        hub = origin({"tag": tag} | data)
        if hub in (known.hub for known in SOURCES.values()) and hub not in data_sets:
            data_sets.append(hub)
        # a copy of a set is not the set: its note goes with the name
        name = f"{data.get('name', tag)} ({data['note']})" if data.get("note") else data.get("name")
        data_set = {"type": hub or tag, "name": name or tag}
        if data.get("eval_split"):
            data_set["split"] = data["eval_split"]
        metric = {
            "type": "accuracy",
            "name": "Top-1 accuracy (%)",
            "value": round(card["accuracy"], 2),
        }
        result = {
            "task": {"type": "image-classification", "name": "Image classification"},
            "dataset": data_set,
            "metrics": [metric],
        }
        index.append({"name": card["name"], "results": [result]})
    head = {
        "license": LICENSE,
        "library_name": "cnn-space",
        "pipeline_tag": "image-classification",
        "tags": ["image-classification", "cnn", *dict.fromkeys(card["arch"] for card in cards)],
        "metrics": ["accuracy"],
    }
    if data_sets:
        head["datasets"] = data_sets
    return head | {"model-index": index}


def front_matter(cards: list[dict]) -> str:
    """``metadata`` as the YAML block at the head of a Markdown file."""
    import yaml

    text = yaml.safe_dump(metadata(cards), sort_keys=False, allow_unicode=True)
    return f"---\n{text}---\n"


def card_text(card: dict, repo: str) -> str:
    """The model card of one net, in Markdown, for the repository ``repo``."""
    name, data = card["name"], card.get("data", {})
    lines = [
        front_matter([card]),
        f"# {card['title']} on {data.get('name', 'its data')} (`{name}`)",
        "",
        f"{_number(card.get('parameters'))} parameters, {_number(card.get('macs'))} "
        f"multiply-accumulates (MACs) for one image, {card['num_classes']} classes. "
        f"**Top-1 accuracy {card['accuracy']:.2f} %** {_measured_on(data)}.",
        "",
        *_loading(name, repo),
        "## Accuracy",
        "",
        *_table("class", "accuracy (%)", card.get("per_class") or {}, "{:.1f}"),
    ]
    if card.get("history"):
        lines += ["## Training", "", f"![Loss and accuracy by epoch]({name}.png)", ""]
    facts = {
        "data": ", ".join(filter(None, [data.get("name"), data.get("note")])),
        "images held out for every choice": _number(data.get("holdout_images")),
        "images seen": _number(card.get("images_seen")),
        "seed": card.get("seed"),
        "wall time": f"{card['wall_time_s']:,.0f} s" if card.get("wall_time_s") else None,
    }
    facts |= card.get("environment") or {}
    facts |= _settings(card)
    lines += _table("setting", "value", {k: v for k, v in facts.items() if v not in (None, "")})
    lines += _earlier(card)
    lines += ["## Preprocessing", "", _preprocessing(card["preprocessing"]), ""]
    lines += [
        "## File",
        "",
        f"`{card['file']}`: {_number(card.get('bytes'))} bytes, {card.get('dtype', 'fp32')}, "
        f"sha256 `{card['sha256']}`.",
        "",
        *_terms([card]),
    ]
    return "\n".join(lines)


def readme_text(cards: list[dict], repo: str) -> str:
    """The README of the repository that holds all of ``cards``, best first within each data set."""
    first = cards[0]["name"]
    rows = [
        f"| [`{card['name']}`](cards/{card['name']}.md) | {card['title']} | "
        f"{card.get('data', {}).get('name', '')} | {card['accuracy']:.2f} | "
        f"{_number(card.get('parameters'))} | {_number(card.get('macs'))} |"
        for card in cards
    ]
    return "\n".join(
        [
            front_matter(cards),
            "# CNN Space: classic convolutional nets, trained from scratch",
            "",
            "Each net lies here as a safetensors file with its JSON card beside it (recipe, "
            "history by epoch, accuracy by class, sha256), and with a model card in `cards/`.",
            "",
            "| weights | net | data | top-1 (%) | parameters | MACs |",
            "| --- | --- | --- | ---: | ---: | ---: |",
            *rows,
            "",
            *_loading(first, repo),
            *_terms(cards),
        ]
    )


def _settings(card: dict) -> dict:
    """The settings that had a part in the training; those of its sizes are one."""
    recipe = card.get("recipe") or {}
    idle = {"small_side", "small_share"}
    idle |= {"momentum"} if recipe.get("optimizer") == "adamw" else set()
    idle |= {"pad": {"min_area"}, "resized": {"pad"}}.get(recipe.get("crop"), {"pad", "min_area"})
    teachers = ", ".join(teacher["name"] for teacher in card.get("teachers", []))
    idle |= set() if teachers else {"distillation"}
    used = {key: value for key, value in recipe.items() if key not in idle}
    images = _number(card.get("data", {}).get("train_images"))
    told = {"images for training": images, "trained at": _sides(card)}
    return told | ({"teachers": teachers} if teachers else {}) | used


def _sides(card: dict) -> str:
    """At how many pixels the net was trained, where that is not the size it is used at."""
    recipe, side = card.get("recipe") or {}, card["preprocessing"]["size"]
    share = recipe.get("small_share", 0)
    small = ", ".join(map(str, small_sides(recipe.get("small_side", 0), side)))
    if not small or not share:
        return f"{side} pixels"
    if share == 1:
        return f"{small} pixels, judged at {side}"
    return f"{small} pixels in the first {share:.0%} of the epochs, then {side}"


def _earlier(card: dict) -> list[str]:
    """The trainings before the one that the card's settings are of."""
    if not card.get("continues"):
        return []
    told = (
        f"These are the settings of the last {card['recipe']['epochs']} epochs, which went on from "
        "trained weights."
    )
    while before := card.get("continues"):
        before = {key: card[key] for key in ("data", "preprocessing") if key in card} | before
        now, then = _settings(card), _settings(before)
        if "teachers" in now:
            then = {"teachers": "none"} | then
        differing = ", ".join(f"{key} {v}" for key, v in then.items() if now.get(key) != v)
        told += f" Before that: {differing or 'the same settings'}."
        card = before
    return [told, ""]


def _loading(name: str, repo: str) -> list[str]:
    return [
        "## Load it",
        "",
        "```python",
        "import cnn_space",
        f'net = cnn_space.load("{name}").net  # a torch.nn.Module in eval mode',
        f'print(cnn_space.classify("photo.jpg", "{name}"))',
        "```",
        "",
        f"Where the file does not come with the package, set `CNN_SPACE_REPO={repo}`: it is "
        "fetched from here once, checked against its sha256 and kept in the Hub's cache.",
        "",
    ]


def _measured_on(data: dict) -> str:
    images = data.get("eval_images")
    many = f"the {images:,} images of " if isinstance(images, int) else ""
    split = f"the {data['eval_split']} split" if data.get("eval_split") else "held-out images"
    return f"on {many}{split}" + (f" ({data['note']})" if data.get("note") else "")


def _preprocessing(shape: dict) -> str:
    mean = ", ".join(f"{v:g}" for v in shape["mean"])
    std = ", ".join(f"{v:g}" for v in shape["std"])
    return (
        f"The shorter side scaled to {shape['resize']} pixels ({shape['interpolation']}), the "
        f"centre {shape['size']} × {shape['size']} cut out, divided by 255, minus ({mean}), "
        f"over ({std})."
    )


def _terms(cards: list[dict]) -> list[str]:
    from cnn_space.images.sources import SOURCES, origin

    sets = {origin(card.get("data", {})) for card in cards}
    terms = [words for tag, words in DATA_TERMS.items() if SOURCES[tag].hub in sets]
    return [
        "## Licence and data",
        "",
        "The weights and the code that made them: Apache-2.0. " + " ".join(terms),
        "",
    ]


def _table(left: str, right: str, rows: dict, form: str = "{}") -> list[str]:
    if not rows:
        return []
    body = [f"| {_cell(key)} | {_cell(form.format(value))} |" for key, value in rows.items()]
    return [f"| {left} | {right} |", "| --- | --- |", *body, ""]


def _cell(value) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")


def _number(value) -> str:
    return f"{value:,}" if isinstance(value, int) else "" if value is None else f"{value:,.0f}"


# The picture

WIDTH, HEIGHT = 880, 330
INK, FAINT = "#24292f", "#d0d7de"
TRAIN, HELD_OUT = "#8c959f", "#c2410c"


def curves(card: dict) -> bytes:
    """Loss and accuracy by epoch as a PNG of 880 × 330 pixels; b"" for a card without a history.

    Training (on augmented batches) in grey, held-out images in orange where there were any.
    """
    from PIL import Image, ImageDraw

    history = card.get("history") or []
    if not history:
        return b""
    scale = 2  # drawn twice as large and reduced: smooth lines
    image = Image.new("RGB", (WIDTH * scale, HEIGHT * scale), "white")
    draw = ImageDraw.Draw(image)
    half = WIDTH // 2
    _panel(draw, scale, 0, half, history, "loss", "loss")
    _panel(draw, scale, half, half, history, "accuracy", "accuracy (%)")
    image = image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _panel(draw, scale: int, left: int, width: int, history: list[dict], what: str, title: str):
    from PIL import ImageFont

    font = ImageFont.load_default(13 * scale)
    x0, x1 = (left + 52) * scale, (left + width - 18) * scale
    y0, y1 = 46 * scale, (HEIGHT - 44) * scale
    epochs = [row["epoch"] for row in history]
    lines = {
        "training": (TRAIN, [row.get(f"train_{what}") for row in history]),
        "held out": (HELD_OUT, [row.get(f"val_{what}") for row in history]),
    }
    values = [v for _, line in lines.values() for v in line if v is not None]
    if not values:
        return
    bottom, top, step = _ticks(0.0 if what == "loss" else min(values), max(values))
    first, last = min(epochs), max(max(epochs), min(epochs) + 1)

    def place(epoch: float, value: float) -> tuple[float, float]:
        return (
            x0 + (epoch - first) / (last - first) * (x1 - x0),
            y1 - (value - bottom) / (top - bottom) * (y1 - y0),
        )

    for tick in range(round((top - bottom) / step) + 1):
        value = bottom + tick * step
        y = place(first, value)[1]
        draw.line([(x0, y), (x1, y)], fill=FAINT, width=scale)
        draw.text((x0 - 8 * scale, y), f"{value:g}", fill=INK, font=font, anchor="rm")
    for epoch in dict.fromkeys((first, max(epochs))):
        x = place(epoch, bottom)[0]
        draw.text((x, y1 + 8 * scale), f"{epoch}", fill=INK, font=font, anchor="ma")
    middle = (x0 + x1) / 2
    draw.text((middle, y1 + 22 * scale), "epoch", fill=INK, font=font, anchor="ma")
    draw.text((x0, 14 * scale), title, fill=INK, font=font, anchor="la")
    x = x1
    for name, (colour, line) in reversed(lines.items()):
        points = [place(e, v) for e, v in zip(epochs, line, strict=True) if v is not None]
        if not points:
            continue
        if len(points) > 1:
            draw.line(points, fill=colour, width=2 * scale, joint="curve")
        for px, py in points if len(points) == 1 else []:
            r = 3 * scale
            draw.ellipse([px - r, py - r, px + r, py + r], fill=colour)
        draw.text((x, 14 * scale), name, fill=colour, font=font, anchor="ra")
        x -= draw.textlength(name, font=font) + 14 * scale


def _ticks(low: float, high: float) -> tuple[float, float, float]:
    """Round ends around ``low`` to ``high`` and the step between about five ticks."""
    import math

    if high - low < 1e-3:  # a flat curve: it runs through the middle
        low, high = low - 0.5, high + 0.5
    span = high - low
    size = 10 ** math.floor(math.log10(span / 4))
    step = next(size * m for m in (1, 2, 2.5, 5, 10) if span / (size * m) <= 5)
    return math.floor(low / step) * step, math.ceil(high / step) * step, step
