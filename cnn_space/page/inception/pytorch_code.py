"""PyTorch code of a module, to copy."""

from cnn_space.costs.closed_forms import Layer
from cnn_space.costs.inception import InceptionCosts


def pytorch_code(module: InceptionCosts) -> str:
    """A file of Python that builds exactly this module; run, it prints its parameter count."""
    branches = []
    for number, branch in enumerate(module.branches, 1):
        steps = [step for layer in branch for step in _steps(layer, module)]
        lines = "".join(f"            {step},\n" for step in steps)
        branches.append(f"        self.branch{number} = nn.Sequential(\n{lines}        )\n")
    source, result = (", ".join(map(str, shape)) for shape in (module.source, module.result))
    kind = "Inception module" if module.reduction else "Naive Inception module"
    return f'''import torch
from torch import nn


class Inception(nn.Module):
    """{kind}: {module.parameters:,} parameters, {module.macs:,} MACs an image."""

    def __init__(self):
        super().__init__()
{"".join(branches)}
    def forward(self, x):  # [N, {source}] -> [N, {result}]
        branches = (self.branch1, self.branch2, self.branch3, self.branch4)
        return torch.cat([branch(x) for branch in branches], dim=1)


module = Inception()
print(f"{{sum(p.numel() for p in module.parameters()):,}} parameters")  # {module.parameters:,}
'''


def _steps(layer: Layer, module: InceptionCosts) -> list[str]:
    """The lines of one layer inside ``nn.Sequential``."""
    if layer.kind == "max pool":
        return ["nn.MaxPool2d(3, stride=1, padding=1)"]
    side = layer.kernel[0]
    options = f", padding={side // 2}" if side > 1 else ""
    options += "" if module.bias else ", bias=False"
    steps = [f"nn.Conv2d({layer.source[0]}, {layer.result[0]}, kernel_size={side}{options})"]
    if module.batch_norm:
        steps.append(f"nn.BatchNorm2d({layer.result[0]})")
    return [*steps, "nn.ReLU(inplace=True)"]
