"""Items of lists, dicts, tensors and containers."""

from __future__ import annotations

from cnn_space.checking import tensor_operations, text_formats
from cnn_space.checking.values import (
    PLAIN,
    Failure,
    Function,
    Instance,
    Module,
    Native,
    Raised,
    Tensor,
    Unknown,
    Value,
    type_name,
)


class Items:
    """The part of the interpreter that reads and sets items."""

    def get_item(self, receiver: Value, index: Value) -> Value:
        for side in (receiver, index):
            if isinstance(side, Unknown):
                return side
        if isinstance(receiver, Tensor):
            return tensor_operations.index(self, receiver, index)
        if isinstance(receiver, Module | Instance):
            method = self.find_method(receiver, "__getitem__")
            if method is not None:
                return self.call(method, [index], {})
            if "<fields>" in getattr(receiver, "fields", {}):
                receiver = tuple(self.iterate(receiver))
        try:
            if isinstance(receiver, dict):
                return self._dict_item(receiver, index)
            if isinstance(receiver, list | tuple | str | bytes | range):
                part = receiver[index]
                return self.bounded(part) if isinstance(index, slice) else part
        except (KeyError, IndexError):
            name = "KeyError" if isinstance(receiver, dict) else "IndexError"
            shown = text_formats.show(self, index)
            raise Failure("item_unknown", index=shown[:60], error=name) from None
        except TypeError:
            raise Failure("index_type", what=type_name(index), error="TypeError") from None
        if isinstance(receiver, Function | Native) or hasattr(receiver, "name"):
            return receiver  # list[int], Callable[..., nn.Module] and other annotations
        raise Failure("not_indexable", what=type_name(receiver), error="TypeError")

    def _dict_item(self, receiver: dict, index: Value) -> Value:
        index = self.key(index)
        if index not in receiver and "<default>" in receiver:
            receiver[index] = self.call(receiver["<default>"], [], {})
        return receiver[index]

    def set_item(self, receiver: Value, index: Value, value: Value) -> None:
        if isinstance(receiver, Unknown) or isinstance(index, Unknown):
            return
        if isinstance(receiver, Tensor):
            receiver.version += 1
            return
        if isinstance(receiver, Module | Instance):
            method = self.find_method(receiver, "__setitem__")
            if method is not None:
                self.call(method, [index, value], {})
                return
        if not isinstance(receiver, dict | list):
            raise Failure("not_indexable", what=type_name(receiver), error="TypeError")
        try:
            if isinstance(receiver, dict):
                receiver[self.key(index)] = value
            else:
                receiver[index] = self.iterate(value) if isinstance(index, slice) else value
        except (IndexError, TypeError, ValueError):
            raise Failure("item_unknown", index=text_formats.show(self, index)[:60]) from None
        self.budget.check_items(len(receiver))

    def delete_item(self, receiver: Value, index: Value) -> None:
        if isinstance(receiver, Module):
            keys = list(receiver.children)
            if isinstance(index, int) and -len(keys) <= index < len(keys):
                receiver.children.pop(keys[index])
            return
        if isinstance(receiver, dict | list) and isinstance(index, PLAIN):
            try:
                del receiver[index]
            except (KeyError, IndexError, TypeError):
                raise Raised("KeyError", "", self.line) from None
