"""Net surgery for clients: the same figures as on the page."""

import gradio as gr

from cnn_space.images.preprocessing import prepare
from cnn_space.inference import classification, engine
from cnn_space.inference import surgery as operations
from cnn_space.inference.surgery import Outcome
from cnn_space.page.classify.handlers import TOP_K, Photo
from cnn_space.page.common.photo_input import required
from cnn_space.page.common.texts import say


def surgery(image: Photo, model: str, off: str = "", top_k: int = TOP_K) -> dict:
    """Switch parts of a convolutional net off and say what becomes of its answer about a photo, and
    what the net would save without them. Nothing is trained anew.

    Args:
        image: the photo: an upload, or a data: URL (base64). Other addresses are not fetched.
        model: name of the weights, such as "googlenet.cifar10".
        off: what is switched off, with spaces between: a part of a stage ("inception4c/branch2",
            "layer1.0/skip"), a channel ("features.0/17") or several ("features.0/17-20"). Left
            empty, the answer lists all stages of the net and what each offers.
        top_k: how many classes to return.

    Returns:
        The likeliest classes before and after, the parameters and multiply-accumulates of the
        whole net and of what is left of it, and, with nothing off, the stages.
    """
    image = required(image, say("classify_no_photo"))
    try:
        runner = engine.get(model)
        net = operations.of(runner)
        cuts = net.read(off or "")
    except ValueError as error:
        raise gr.Error(str(error), print_exception=False) from None
    x, _ = prepare(image, runner.record.preprocessing)
    labels, count = runner.record.labels, max(1, int(top_k or TOP_K))

    def figures(outcome: Outcome) -> dict:
        probabilities = classification.softmax(outcome.logits[None])[0]
        best = classification.ranked(probabilities, labels)[:count]
        return {
            "classes": {prediction.label: prediction.probability for prediction in best},
            "parameters": outcome.needs.parameters,
            "macs": outcome.needs.macs,
        }

    before, after = net.intact(x), net.outcome(x, cuts)
    answer = {"off": [str(cut) for cut in cuts], "before": figures(before), "after": figures(after)}
    if not cuts:
        answer["stages"] = [
            {
                "name": stage.name,
                "kind": stage.kind,
                "channels": stage.channels,
                "parts": [part.key for part in stage.parts],
            }
            for stage in net.stages
        ]
    return answer
