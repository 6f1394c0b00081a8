"""The form of the Inception tab: its values as the fields give them."""

from collections.abc import Mapping

from cnn_space.costs.inception import NUMBERS, PRESETS, FieldError, InceptionCosts, whole_number
from cnn_space.models.googlenet_table import KERNELS_5X5

CHAIN = "chain"  # the preset that shows how modules feed each other
KERNELS = {str(kernel): kernel for kernel in KERNELS_5X5}  # as the form and the address write them
START = dict(zip(NUMBERS, PRESETS["3a"], strict=True))
SWITCHES = {"kernel5x5": "5", "reduction": True, "batch_norm": False, "bias": False}
FORM = ("preset", *NUMBERS, *SWITCHES)  # the names of the components


def numbers_of(module: InceptionCosts) -> dict[str, int]:
    """The nine numbers of a module by name."""
    return {name: getattr(module, name) for name in NUMBERS}


def preset_of(module: InceptionCosts) -> str | None:
    """The paper's module with these numbers, whatever the switches."""
    numbers = tuple(numbers_of(module).values())
    return next((name for name, preset in PRESETS.items() if preset == numbers), None)


def wrong_number(name: str, value: object) -> FieldError | None:
    """Why ``value`` cannot be the number called ``name``; None where it can."""
    try:
        whole_number(name, value)
    except FieldError as error:
        return error
    return None


def module_of(values: Mapping[str, object]) -> InceptionCosts:
    """The module that the form describes. Raises FieldError for a number out of range."""
    numbers = {name: values[name] for name in NUMBERS}
    switches = {name: values[name] for name in SWITCHES}
    return InceptionCosts(**numbers, **switches | {"kernel5x5": KERNELS[switches["kernel5x5"]]})
