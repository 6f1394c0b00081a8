"""The controls of a run under "Advanced"."""

import gradio as gr

from cnn_space.page.common.texts import t
from cnn_space.page.finetune import fields
from cnn_space.training.recipes import AUGMENTATIONS, SWITCHES, Plan


def advanced_controls() -> dict:
    """The controls of a run, but for the net; they begin with the defaults of ``Plan``."""
    start = Plan()
    with gr.Row():
        head_epochs = gr.Slider(1, 100, start.head_epochs, step=1, label=t("finetune_head_epochs"))
        top_epochs = gr.Slider(0, 50, start.top_epochs, step=1, label=t("finetune_top_epochs"))
        epochs = gr.Slider(0, 50, start.epochs, step=1, label=t("finetune_epochs"))
    with gr.Row():
        optimizer = gr.Radio(
            [("SGD", "sgd"), ("AdamW", "adam")],
            value=start.optimizer,
            label=t("finetune_optimizer"),
        )
        augment = gr.Radio(
            [(t(f"finetune_augment_{name}"), name) for name in AUGMENTATIONS],
            value=start.augment,
            label=t("finetune_augment"),
        )
    with gr.Row():
        with gr.Column(min_width=160):
            lr = gr.Number(
                start.lr, label=t("finetune_lr"), info=t("finetune_lr_info"), elem_id="ft-lr"
            )
            lr_wrong = fields.place()
        lower = gr.Slider(0.01, 1, start.lower, step=0.01, label=t("finetune_lower"))
    with gr.Row():
        percent = round(100 * start.holdout)
        holdout = gr.Slider(5, 50, percent, step=5, label=t("finetune_holdout"))
        with gr.Column(min_width=160):
            seed = gr.Number(start.seed, label=t("finetune_seed"), elem_id="ft-seed")
            seed_wrong = fields.place()
    with gr.Row():
        class_weights, cross_validate = (
            gr.Radio(
                [(t(f"finetune_switch_{choice}"), choice) for choice in SWITCHES],
                value=getattr(start, name),
                label=t(f"finetune_{name}"),
                info=t(f"finetune_{name}_info"),
            )
            for name in ("class_weights", "cross_validate")
        )
    aux = gr.Checkbox(start.aux, label=t("finetune_aux"))
    frozen_norm = gr.Checkbox(start.frozen_norm, label=t("finetune_frozen_norm"))
    return {
        "head_epochs": head_epochs,
        "top_epochs": top_epochs,
        "epochs": epochs,
        "optimizer": optimizer,
        "augment": augment,
        "lr": lr,
        "lower": lower,
        "holdout": holdout,
        "seed": seed,
        "aux": aux,
        "frozen_norm": frozen_norm,
        "class_weights": class_weights,
        "cross_validate": cross_validate,
        "lr_wrong": lr_wrong,
        "seed_wrong": seed_wrong,
    }
