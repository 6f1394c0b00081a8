"""A net with everything around it as one ONNX model: a photo in, probabilities out."""

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, compose, helper

from cnn_space.images.photo import NET_SIDE, open_photo
from cnn_space.images.preprocessing import prepare
from cnn_space.inference.classification import softmax
from cnn_space.inference.engine import fold
from cnn_space.inference.onnx_net import to_onnx
from cnn_space.inference.onnx_photo import photo_to_images
from cnn_space.weights import Loaded

TOLERANCE = 1e-4  # of a probability
# (height, width) of the pictures that an exported model is checked on: small, square, a portrait,
# a panorama whose ends are cut off, and one that is reduced first.
_CHECKED = ((24, 40), (256, 256), (500, 333), (40, 700), (1400, 1371))


def export(loaded: Loaded) -> onnx.ModelProto:
    """The model from ``photo`` uint8 [N, H, W, 3] (RGB, of any size) to ``probabilities`` float32
    [N, K], with the net's classes and facts in its metadata.

    Raises ValueError for a net or a preprocessing that ONNX cannot express.
    """
    record = loaded.record
    net = to_onnx(fold(loaded.net), record.preprocessing.size)
    photo = photo_to_images(record.preprocessing)
    model = compose.merge_models(photo, net, io_map=[("images", "images")], prefix2="net/")
    model.graph.node.append(helper.make_node("Softmax", ["net/logits"], ["probabilities"], axis=1))
    shape = ["N", record.num_classes]
    output = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, shape)
    model.graph.output.pop()
    model.graph.output.append(output)
    model.graph.name, model.producer_name = record.name, "CNN Space"
    helper.set_model_props(model, _facts(loaded))
    onnx.checker.check_model(model)
    return model


def _facts(loaded: Loaded) -> dict[str, str]:
    """What the metadata of a model says."""
    record = loaded.record
    facts = {
        "name": record.name,
        "title": record.title,
        "classes": json.dumps(record.labels, ensure_ascii=False),
        "preprocessing": json.dumps(record.preprocessing.to_card()),
        "data": record.data,
        "accuracy": "" if record.accuracy is None else f"{record.accuracy:.2f}",
        "sha256": record.sha256 or "",
        "license": record.license,
    }
    return {key: value for key, value in facts.items() if value}


def write(loaded: Loaded, path: Path) -> float | None:
    """Export to the file ``path``, in one move, once it has been checked; gives the largest
    difference of a probability in ONNX Runtime, None where that is not installed.

    Raises ValueError as ``export`` and ``check`` do.
    """
    content = export(loaded).SerializeToString()
    difference = check(content, loaded) if find_spec("onnxruntime") else None
    unfinished = path.with_name(f"{path.name}.part")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    except BaseException:  # a full disk or Ctrl-C: half a file helps nobody
        unfinished.unlink(missing_ok=True)
        raise
    return difference


def check(content: bytes, loaded: Loaded) -> float:
    """Run a model in ONNX Runtime on a few pictures; gives the largest difference of a probability
    from the net's own.

    Raises ValueError where it is above TOLERANCE, or where the top classes differ.
    """
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    largest = 0.0
    for seed, (height, width) in enumerate(_CHECKED):
        picture = _picture(height, width, seed)
        found = session.run(None, {"photo": picture[None]})[0][0]
        images, _ = prepare(open_photo(picture, NET_SIDE), loaded.record.preprocessing)
        with torch.inference_mode():
            ours = softmax(loaded.net(images).numpy())[0]
        largest = max(largest, float(abs(found - ours).max()))
        if not largest <= TOLERANCE or ours.max() - ours[found.argmax()] > TOLERANCE:
            raise ValueError(
                f"ONNX Runtime does not answer a picture of {width} × {height} pixels as "
                f"{loaded.record.name} does: a probability differs by {largest:.2g}"
            )
    return largest


def _picture(height: int, width: int, seed: int) -> np.ndarray:
    """A picture uint8 [height, width, 3] with edges and fine grain."""
    draw = np.random.default_rng(seed)
    coarse = draw.integers(0, 256, (5, 7, 3))
    rows, columns = np.arange(height) * 5 // height, np.arange(width) * 7 // width
    grain = draw.integers(-20, 21, (height, width, 3))
    return (coarse[rows][:, columns] + grain).clip(0, 255).astype(np.uint8)
