"""The engines that ours is compared with, each as fast as it can be on a machine of its own."""

from collections.abc import Callable
from functools import partial

import numpy as np

Run = Callable[[np.ndarray], object]  # images [N, 3, size, size] to logits [N, K]


def onnx_runtime(
    content: bytes, shape: tuple[int, ...], threads: int, *, spinning: bool = True
) -> Run:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", str(int(spinning)))
    providers = ["CPUExecutionProvider"]
    session = onnxruntime.InferenceSession(content, options, providers=providers)
    return lambda images: session.run(None, {"images": images})[0]


asleep = partial(onnx_runtime, spinning=False)


def openvino(content: bytes, shape: tuple[int, ...], threads: int) -> Run:
    import openvino

    core = openvino.Core()
    model = core.read_model(content)
    model.reshape(list(shape))
    settings = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": threads,
        "INFERENCE_PRECISION_HINT": "f32",
    }
    request = core.compile_model(model, "CPU", settings).create_infer_request()
    return lambda images: request.infer({"images": images}, share_inputs=True)[0]
