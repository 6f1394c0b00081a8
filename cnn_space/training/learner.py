"""A net that learns: its optimiser, the cycle of its learning rate, and averaged weights."""

from collections.abc import Iterable
from itertools import islice

import torch
from torch import Tensor, nn
from torch.optim import Optimizer, swa_utils
from torch.optim.lr_scheduler import LambdaLR

from cnn_space.models.outputs import training_loss
from cnn_space.training.batches import Batch
from cnn_space.training.processes import Processes
from cnn_space.training.recipes import Recipe

NORM_BATCHES = 20  # enough to know the mean and variance of every channel


def parameter_groups(net: nn.Module, recipe: Recipe) -> list[dict]:
    """All parameters that learn, in two groups (see ``decay_groups``)."""
    trained = [p for p in net.parameters() if p.requires_grad]
    return decay_groups(trained, recipe.weight_decay)


def decay_groups(parameters: list[nn.Parameter], weight_decay: float, **options) -> list[dict]:
    """Two groups for an optimiser: matrices and kernels with weight decay, norms and biases
    without. ``options``, such as ``lr``, are for both."""
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay, **options},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0, **options},
    ]


def make_optimizer(groups: list[dict], recipe: Recipe, device: torch.device) -> Optimizer:
    """SGD with Nesterov momentum or AdamW, as the recipe says."""
    options = {"lr": recipe.lr, "weight_decay": recipe.weight_decay}
    # One pass over the parameters instead of one for each term of the update.
    options["fused"] = device.type in ("cpu", "cuda")
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(groups, momentum=recipe.momentum, nesterov=True, **options)
    return torch.optim.AdamW(groups, **options)


def one_cycle(optimizer: Optimizer, recipe: Recipe, steps: int) -> LambdaLR:
    """The schedule of one cycle of ``steps`` steps: every group's rate rises linearly to its peak,
    the ``"lr"`` it was made with, for the share ``recipe.warmup`` of them, then falls linearly to
    0 (Smith and Topin, "Super-Convergence", 2018)."""
    peak = recipe.warmup * steps

    def share(step: int) -> float:
        if step + 1 < peak:
            return (step + 1) / peak
        return min(1.0, (steps - step) / max(1.0, steps - peak))

    return LambdaLR(optimizer, share)


class Learner:
    """``net``, which learns in place, one ``step`` a batch.

    - ``steps``: of the whole training, for the cycle of the learning rate.
    - ``groups``: the optimiser's parameter groups (default: ``parameter_groups``); an ``"lr"`` in
      a group is the peak of its cycle.
    - ``class_weights``: float32 [K], see ``training_loss``.
    - ``frozen_norms``: batch norms use, and keep, the statistics that they have.
    - ``bfloat16``: whether the net computes in bfloat16 (autocast).
    - ``compiled``: whether it is compiled by ``torch.compile``.

    Raises ValueError for ``recipe.sync_norm`` of several processes without GPUs.
    """

    def __init__(
        self,
        net: nn.Module,
        recipe: Recipe,
        processes: Processes,
        *,
        steps: int,
        device: torch.device,
        groups: list[dict] | None = None,
        class_weights: Tensor | None = None,
        frozen_norms: bool = False,
        bfloat16: bool = False,
        compiled: bool = False,
    ):
        self.recipe, self.device = recipe, device
        self.frozen_norms, self.bfloat16 = frozen_norms, bfloat16
        self.class_weights = None if class_weights is None else class_weights.to(device)
        self.aux_weight = getattr(net, "aux_weight", 0.0)
        self.net = net.to(device, memory_format=torch.channels_last)
        if recipe.sync_norm and processes.count > 1:
            if device.type != "cuda":
                raise ValueError("sync_norm needs GPUs: PyTorch has no such batch norm for CPUs")
            self.net = nn.SyncBatchNorm.convert_sync_batchnorm(self.net)
        self._forward = self.net
        if processes.count > 1:
            self._forward = nn.parallel.DistributedDataParallel(self.net)
        if compiled:
            self._forward = torch.compile(self._forward)
        self.optimizer = make_optimizer(
            groups or parameter_groups(self.net, recipe), recipe, device
        )
        self.schedule = one_cycle(self.optimizer, recipe, steps)
        self.averaged = None
        if recipe.average:
            average = swa_utils.get_ema_multi_avg_fn(recipe.average)
            self.averaged = swa_utils.AveragedModel(self.net, multi_avg_fn=average)

    @property
    def rate(self) -> float:
        """The learning rate of the next step: that of the first group."""
        return self.optimizer.param_groups[0]["lr"]

    def best_net(self) -> nn.Module:
        """The net to keep: the averaged one where the recipe asks for it."""
        return self.averaged.module if self.averaged else self.net

    def start_epoch(self) -> None:
        """Put the net into training mode."""
        self._forward.train()
        if self.frozen_norms:
            freeze_norms(self.net)

    def step(self, batch: Batch) -> Tensor:
        """One step of the optimiser. Returns [2]: the loss summed over the batch's images, and how
        many of them were answered right."""
        with self._autocast():
            outputs = self._forward(batch.inputs)
        logits = outputs if isinstance(outputs, Tensor) else outputs.logits
        loss = training_loss(
            _float(outputs),
            batch.targets,
            aux_weight=self.aux_weight,
            label_smoothing=self.recipe.label_smoothing,
            class_weights=self.class_weights,
        )
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if self.recipe.clip:
            nn.utils.clip_grad_norm_(self.net.parameters(), self.recipe.clip)
        self.optimizer.step()
        self.schedule.step()
        if self.averaged:
            self.averaged.update_parameters(self.net)
        with torch.no_grad():
            # The plain loss of the net's own logits, to be compared with that of held-out images.
            plain = nn.functional.cross_entropy(logits.float(), batch.labels, reduction="sum")
            right = (logits.argmax(1) == batch.labels).sum()
            return torch.stack([plain, right.float()])

    def refresh_averaged_norms(self, inputs: Iterable[Tensor]) -> None:
        """Give the averaged net batch-norm statistics of its own, from some of ``inputs``: the
        running statistics belong to the net that learns."""
        if self.averaged:
            with self._autocast():
                swa_utils.update_bn(islice(inputs, NORM_BATCHES), self.averaged.module)

    def state_dict(self) -> dict:
        """All that is needed to go on, on the CPU or GPU where it is."""
        parts = {"net": self.net, "optimizer": self.optimizer, "schedule": self.schedule}
        if self.averaged:
            parts["averaged"] = self.averaged
        return {name: part.state_dict() for name, part in parts.items()}

    def load_state_dict(self, state: dict) -> None:
        """Go on where ``state_dict`` was called. Raises RuntimeError for another net's state."""
        self.net.load_state_dict(state["net"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        if self.averaged:
            self.averaged.load_state_dict(state["averaged"])

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16)


def freeze_norms(net: nn.Module) -> None:
    """Make batch norms use, and keep, the statistics that they have."""
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()


def _float(outputs):
    """Logits in float32: the loss is not computed in bfloat16."""
    if isinstance(outputs, Tensor):
        return outputs.float()
    return type(outputs)(*(None if x is None else x.float() for x in outputs))
