"""The training loop: one ``Run`` yields plain progress records; the command line and the page's
fine-tuning read the same ones.

What makes it fast is known from the quickest public CIFAR-10 recipes (Page, "How to train your
ResNet", 2018; Jordan, "94% on CIFAR-10 in 3.29 seconds", 2024): the whole set in memory as
tensors, augmentation by batch on the device, a one-cycle learning rate with Nesterov SGD, label
smoothing, channels-last memory and bfloat16 where the device is good at it.
"""

import functools
import json
import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.optim import swa_utils

from cnn_space.images.data import Draws, ImageSet, augment, draw_epoch
from cnn_space.models.outputs import training_loss
from cnn_space.training.evaluation import predict
from cnn_space.training.recipes import Recipe, small_sides

REPORT_SECONDS = 0.5  # a page that shows the run wants to hear of it about this often
NORM_BATCHES = 20  # enough to know the mean and variance of every channel


class Diverged(ValueError):
    """The loss is not a number any more; the message says what to change."""


@dataclass(frozen=True)
class Progress:
    """Where a run is. Accuracies are percent; ``loss`` and ``accuracy`` are means over the epoch
    so far, on augmented batches. ``val_*`` are set on the last record of an epoch alone, and only
    when there are images to check on."""

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    accuracy: float
    lr: float
    images_per_s: float
    seconds_left: float
    val_loss: float | None = None
    val_accuracy: float | None = None

    @property
    def epoch_ended(self) -> bool:
        return self.step == self.steps


def find_device(name: str | None = None) -> torch.device:
    """The device called ``name``; without one a GPU of CUDA where there is one, else the CPU.

    Raises ValueError for one that is not here."""
    if name is None:
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        probe = torch.zeros(1, device=name)
        probe.item()  # which "meta" has not
        return probe.device
    except (RuntimeError, AssertionError, ImportError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"there is no device {name!r} here, cpu is always: {reason}") from error


@functools.cache
def good_at_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 is fast there: on CUDA where the GPU has it, on a CPU where a product of
    matrices takes clearly less time with it. What a CPU says of itself is not enough: with
    avx512_bf16 alone, AMD's are more than twice as fast with it, and Intel's slower."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type != "cpu":
        return False
    return _product_seconds(torch.bfloat16) < 0.75 * _product_seconds(torch.float32)


def _product_seconds(dtype: torch.dtype) -> float:
    """The least time of a product of two 512 × 512 matrices: of eight, or of what 0.1 s allow."""
    matrix = torch.ones(512, 512, dtype=dtype)
    seconds: list[float] = []
    while len(seconds) < 8 and sum(seconds) < 0.1:
        start = time.perf_counter()
        matrix @ matrix
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def parameter_groups(net: nn.Module, recipe: Recipe) -> list[dict]:
    """Weight decay on matrices and kernels, none on norms and biases."""
    trained = [p for p in net.parameters() if p.requires_grad]
    return [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]


class Run:
    """One training of ``net`` on ``train_set``. Iterate it for ``Progress``; closing the iterator
    stops it. ``net`` learns in place; ``best_net()`` is what to keep.

    - ``train_set.images`` are ``uint8 [N, 3, H, W]`` (augmented and normalised by ``mean`` and
      ``std``), or floats, taken as they are (cached features).
    - ``val_set`` is judged after every epoch.
    - ``groups``: the optimiser's parameter groups; an ``"lr"`` in a group is the peak of its cycle.
    - ``prepare(net)`` is called after every ``net.train()``: the place to freeze batch norm.
    - ``seconds`` ends the run in good order once they are over, at the next report; several
      processes end after an epoch.
    - ``bfloat16`` None decides by the device.
    - ``answers``: the teachers' probabilities ``[2, N, K]`` for the images of ``train_set`` as they
      are and mirrored, where the recipe has a share for them (``distillation.answers``).
    - ``about``: what else must be the same for a checkpoint to be of this run.

    Under ``torch.distributed`` every process takes its own share of every batch. Raises ValueError
    for images or a batch that the processes cannot share, for a ``small_side`` above the images'
    or a crop's ``pad`` as large, for answers without a share or a share without answers, and for
    ``sync_norm`` without GPUs; iterating raises Diverged, and ValueError where the processes do not
    start at the same epoch.
    ``epoch`` counts the epochs done, ``seconds`` the time they took, over all resumed runs;
    ``history`` has a row for each.
    """

    def __init__(
        self,
        net: nn.Module,
        train_set: ImageSet,
        recipe: Recipe,
        *,
        val_set: ImageSet | None = None,
        mean: Iterable[float] = (0.5, 0.5, 0.5),
        std: Iterable[float] = (0.5, 0.5, 0.5),
        device: str | torch.device = "cpu",
        groups: list[dict] | None = None,
        prepare: Callable[[nn.Module], None] | None = None,
        seconds: float = math.inf,
        bfloat16: bool | None = None,
        compiled: bool = False,
        answers: Tensor | None = None,
        about: dict | None = None,
    ):
        if recipe.small_side > train_set.side:
            raise ValueError(
                f"small_side is {recipe.small_side}, the images have {train_set.side} pixels: "
                "choose a smaller one, or 0"
            )
        if bool(recipe.distillation) != (answers is not None):
            raise ValueError("the teachers' answers need a share (distillation), and it needs them")
        augmented = not train_set.images.is_floating_point()  # features are taken as they are
        if augmented and recipe.crop == "pad" and recipe.pad >= train_set.side:
            raise ValueError(f"pad is {recipe.pad}, the images have {train_set.side} pixels: less")
        self.about = about or {}
        self.device = torch.device(device)
        self.recipe = recipe
        self.rank, self.world = (
            (dist.get_rank(), dist.get_world_size())
            if dist.is_available() and dist.is_initialized()
            else (0, 1)
        )
        self.batch = min(recipe.batch_size, len(train_set)) // self.world * self.world
        if self.world > 1 and recipe.batch_size % self.world:
            raise ValueError(
                f"a batch of {recipe.batch_size} cannot be shared by {self.world} processes: "
                f"choose a multiple of {self.world}"
            )
        if not self.batch:
            raise ValueError(
                f"{self.world} processes cannot share {len(train_set)} images: take fewer processes"
            )
        self.net = net.to(self.device, memory_format=torch.channels_last)
        if recipe.sync_norm and self.world > 1:
            if self.device.type != "cuda":
                raise ValueError("sync_norm needs GPUs: PyTorch has no such batch norm for CPUs")
            self.net = nn.SyncBatchNorm.convert_sync_batchnorm(self.net)
        self.forward = self.net
        if self.world > 1:
            self.forward = nn.parallel.DistributedDataParallel(self.net)
        if compiled:
            self.forward = torch.compile(self.forward)
        self.train_set, self.val_set = train_set.to(self.device), val_set
        self.answers = None if answers is None else answers.to(self.device)
        self.mean, self.std = tuple(mean), tuple(std)
        self.prepare = prepare or (lambda net: None)
        self.aux_weight = getattr(net, "aux_weight", 0.0)
        self.deadline = time.perf_counter() + seconds
        self.bfloat16 = good_at_bfloat16(self.device) if bfloat16 is None else bfloat16
        self.steps = max(1, len(train_set) // self.batch)
        self.epoch, self.seconds = 0, 0.0
        self.history: list[dict] = []
        self.out_of_time = False

        groups = groups or parameter_groups(self.net, recipe)
        fused = self.device.type in ("cpu", "cuda")  # one pass over the parameters, not one a term
        self.peaks = [group.get("lr", recipe.lr) for group in groups]
        if recipe.optimizer == "sgd":
            self.optimizer = torch.optim.SGD(
                groups, lr=recipe.lr, momentum=recipe.momentum, nesterov=True,
                weight_decay=recipe.weight_decay, fused=fused,
            )  # fmt: skip
        else:
            self.optimizer = torch.optim.AdamW(
                groups, lr=recipe.lr, weight_decay=recipe.weight_decay, fused=fused
            )
        self.averaged = None
        if recipe.average:
            average = swa_utils.get_ema_multi_avg_fn(recipe.average)
            self.averaged = swa_utils.AveragedModel(self.net, multi_avg_fn=average)

    def best_net(self) -> nn.Module:
        """The net to keep: the averaged one where the recipe asks for it."""
        return self.averaged.module if self.averaged else self.net

    def __iter__(self) -> Iterator[Progress]:
        if self.world > 1:
            self._check_start()
        start, begun, before = time.perf_counter(), self.epoch, self.seconds
        for epoch in range(self.epoch, self.recipe.epochs):
            for progress in self._epoch(epoch):
                now = time.perf_counter()
                done = epoch - begun + progress.step / self.steps
                left = (self.recipe.epochs - begun - done) * (now - start) / done
                if progress.epoch_ended:
                    self.seconds = before + now - start
                yield replace(progress, seconds_left=max(0.0, min(left, self.deadline - now)))
                finished = progress.epoch_ended and progress.epoch == self.recipe.epochs
                if not finished and self._is_over(progress):
                    self.out_of_time = True
                    return

    def _epoch(self, epoch: int) -> Iterator[Progress]:
        recipe = self.recipe
        # Dropout, too, depends on seed, epoch and process alone: a resumed run is the same run.
        torch.manual_seed((recipe.seed * 100_003 + epoch) * self.world + self.rank)
        draws = self._draws(epoch).to(self.device)
        self.forward.train()
        self.prepare(self.net)
        totals = torch.zeros(2, device=self.device)  # loss, right answers
        start = last = time.perf_counter()
        for step in range(self.steps):
            # Every process takes each world-th image of the batch.
            part = draws.part(slice(step * self.batch + self.rank, (step + 1) * self.batch,
                                    self.world))  # fmt: skip
            rate = self._set_rate(epoch * self.steps + step)
            totals += self._step(part, epoch)
            ended = step + 1 == self.steps
            # Reading the totals waits for the device: now and then, not every step.
            if not ended and time.perf_counter() - last < REPORT_SECONDS:
                continue
            seen = (step + 1) * self.batch
            if self.world > 1 and ended:
                dist.all_reduce(totals)
            elif self.world > 1:  # the clocks of the processes differ: no talk between them here
                seen //= self.world
            loss, right = totals.tolist()
            last = time.perf_counter()
            if not math.isfinite(loss):
                raise Diverged(
                    f"the loss is not a number any more (epoch {epoch + 1}): try a lower learning "
                    f"rate than {recipe.lr:g}, a longer warm-up, or gradient clipping"
                )
            progress = Progress(
                epoch=epoch + 1,
                epochs=recipe.epochs,
                step=step + 1,
                steps=self.steps,
                loss=loss / seen,
                accuracy=100 * right / seen,
                lr=rate,
                images_per_s=(step + 1) * self.batch / (last - start),
                seconds_left=0.0,
            )
            if ended:
                progress = self._check(progress)
                self.epoch = epoch + 1
                self.history.append(
                    {
                        "epoch": epoch + 1,
                        "train_loss": round(progress.loss, 4),
                        "train_accuracy": round(progress.accuracy, 2),
                        "val_loss": progress.val_loss,
                        "val_accuracy": progress.val_accuracy,
                        "lr": float(f"{rate:.4g}"),
                        "images_per_s": round(progress.images_per_s, 1),
                    }
                )
            yield progress

    def _draws(self, epoch: int) -> Draws:
        recipe = self.recipe
        return draw_epoch(
            len(self.train_set),
            epoch=epoch,
            seed=recipe.seed,
            flip=recipe.flip,
            min_area=recipe.min_area,
        )

    def _check_start(self) -> None:
        """Every process has its own disk to resume from, perhaps without the checkpoint."""
        furthest = torch.tensor(self.epoch, device=self.device)
        dist.all_reduce(furthest, dist.ReduceOp.MAX)
        if furthest.item() != self.epoch:
            raise ValueError(
                f"one process goes on after epoch {furthest.item()}, another after {self.epoch}: "
                "the folder of the runs must be one that all machines share"
            )

    def _is_over(self, progress: Progress) -> bool:
        """Whether the time is up; several processes agree on it, after an epoch."""
        over = time.perf_counter() > self.deadline
        if self.world == 1:
            return over
        if not progress.epoch_ended:
            return False
        vote = torch.tensor(float(over), device=self.device)
        dist.all_reduce(vote)
        return bool(vote)

    def _inputs(self, part: Draws, epoch: int) -> Tensor:
        images, recipe = self.train_set.images, self.recipe
        if images.is_floating_point():
            return images[part.order]
        return augment(
            images,
            part,
            crop=recipe.crop,
            pad=recipe.pad,
            cutout=recipe.cutout,
            side=self._side(epoch),
            mean=self.mean,
            std=self.std,
        )

    def _side(self, epoch: int) -> int:
        """The pixels of an epoch's images: progressive sizes, where the recipe has them."""
        recipe, full = self.recipe, self.train_set.side
        sides, epochs = small_sides(recipe.small_side, full), recipe.small_share * recipe.epochs
        return sides[int(epoch / epochs * len(sides))] if sides and epoch < epochs else full

    def _targets(self, part: Draws, labels: Tensor) -> Tensor:
        """What is to be learnt: class numbers, or with teachers probabilities [B, K]."""
        if self.answers is None:
            return labels
        told = self.answers[part.flip.long(), part.order]
        truth = nn.functional.one_hot(labels, told.shape[1]).to(told)
        return truth.lerp(told, self.recipe.distillation)

    def _step(self, part: Draws, epoch: int) -> Tensor:
        """One step of the optimiser; (loss summed over the images, right answers) [2]."""
        inputs, labels = self._inputs(part, epoch), self.train_set.labels[part.order]
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16):
            outputs = self.forward(inputs)
        logits = outputs if isinstance(outputs, Tensor) else outputs.logits
        loss = training_loss(
            _float(outputs),
            self._targets(part, labels),
            aux_weight=self.aux_weight,
            label_smoothing=self.recipe.label_smoothing,
        )
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if self.recipe.clip:
            nn.utils.clip_grad_norm_(self.net.parameters(), self.recipe.clip)
        self.optimizer.step()
        if self.averaged:
            self.averaged.update_parameters(self.net)
        with torch.no_grad():
            # The plain loss of the net's own logits, to be read beside the one on held-out images.
            plain = nn.functional.cross_entropy(logits.float(), labels, reduction="sum")
            right = (logits.argmax(1) == labels).sum()
            return torch.stack([plain, right.float()])

    def _set_rate(self, step: int) -> float:
        """One cycle: up in a line to the peak, down in a line to 0."""
        total = self.steps * self.recipe.epochs
        peak = self.recipe.warmup * total
        share = (step + 1) / peak if step + 1 < peak else (total - step) / max(1.0, total - peak)
        share = min(1.0, share)
        for group, rate in zip(self.optimizer.param_groups, self.peaks, strict=True):
            group["lr"] = rate * share
        return self.peaks[0] * share

    def _check(self, progress: Progress) -> Progress:
        if self.averaged:
            # The running statistics belong to the net that learns; the averaged one needs its own.
            draws = self._draws(progress.epoch - 1).to(self.device)
            parts = (slice(i * self.batch, (i + 1) * self.batch) for i in range(self.steps))
            batches = (self._inputs(draws.part(p), progress.epoch - 1) for p in parts)
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16):
                swa_utils.update_bn(islice(batches, NORM_BATCHES), self.averaged.module)
        if self.val_set is None or not len(self.val_set):
            return progress
        logits = predict(
            self.best_net(), self.val_set, mean=self.mean, std=self.std, bfloat16=self.bfloat16
        )
        labels = self.val_set.labels.to(logits.device)
        loss = nn.functional.cross_entropy(logits, labels).item()
        accuracy = 100 * (logits.argmax(1) == labels).float().mean().item()
        return replace(progress, val_loss=round(loss, 4), val_accuracy=round(accuracy, 2))

    # Resuming: tensors in a safetensors file, the rest as JSON in its header.

    def save(self, path: Path) -> None:
        """Write all that is needed to go on into one safetensors file: tensors, and the rest as
        JSON in its header. It is moved into place: a run cut off here leaves the last good one."""
        from safetensors.torch import save_file

        tensors = {f"net.{key}": value for key, value in self.net.state_dict().items()}
        if self.averaged:
            tensors |= {f"avg.{key}": value for key, value in self.averaged.state_dict().items()}
        for index, state in self.optimizer.state_dict()["state"].items():
            tensors |= {f"opt.{index}.{k}": v for k, v in state.items() if isinstance(v, Tensor)}
        facts = {"epoch": self.epoch, "seconds": self.seconds, "history": self.history,
                 "bfloat16": self.bfloat16}  # fmt: skip
        waiting = path.with_suffix(".part")
        save_file(
            {key: value.detach().cpu().contiguous() for key, value in tensors.items()},
            waiting,
            metadata={"run": json.dumps(self._identity() | facts)},
        )
        waiting.replace(path)

    def restore(self, path: Path) -> None:
        """Go on where ``save`` was called, in the same precision. Raises ValueError for a damaged
        checkpoint, or one of another run (its recipe, its images or its net differ)."""
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, "pt", device=str(self.device)) as file:
                facts = json.loads(file.metadata()["run"])
                # Copies: what lies in a mapped file keeps it from being replaced on Windows.
                tensors = {key: file.get_tensor(key).clone() for key in file.keys()}  # noqa: SIM118
        except (SafetensorError, TypeError, KeyError, ValueError) as error:
            raise ValueError(
                f"{path} is no checkpoint of a run: delete it to start anew"
            ) from error
        differing = [key for key, value in self._identity().items() if facts.get(key) != value]

        def part(prefix: str) -> dict[str, Tensor]:
            return {
                key.removeprefix(prefix): value
                for key, value in tensors.items()
                if key.startswith(prefix)
            }

        kept, own = part("net."), self.net.state_dict()
        if {k: v.shape for k, v in kept.items()} != {k: v.shape for k, v in own.items()}:
            differing = differing or ["net"]
        if differing:
            raise ValueError(
                f"{path} is of a run with another {', '.join(differing)}: delete it to start anew"
            )
        self.net.load_state_dict(kept)
        if self.averaged:
            self.averaged.load_state_dict(part("avg."))
        state = self.optimizer.state_dict()
        for key, value in part("opt.").items():
            index, _, name = key.partition(".")
            state["state"].setdefault(int(index), {})[name] = value
        self.optimizer.load_state_dict(state)
        # The fused step goes through memory as it lies: moments must lie as their parameters do.
        for parameter, moments in self.optimizer.state.items():
            for name, value in moments.items():
                if value.shape == parameter.shape:
                    moments[name] = torch.empty_like(parameter).copy_(value)
        self.epoch, self.seconds = facts["epoch"], facts["seconds"]
        self.history = facts["history"]
        self.bfloat16 = facts.get("bfloat16", self.bfloat16)

    def _identity(self) -> dict:
        """What must be the same for a run to be resumed."""
        images = [list(self.train_set.images.shape), list(self.train_set.classes)]
        return {"recipe": asdict(self.recipe), "images": images, **self.about}


def _float(outputs):
    """Logits in float32: the loss is not computed in bfloat16."""
    if isinstance(outputs, Tensor):
        return outputs.float()
    return type(outputs)(*(None if x is None else x.float() for x in outputs))
