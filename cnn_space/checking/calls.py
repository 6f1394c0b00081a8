"""How the interpreter calls functions, classes and modules."""

from __future__ import annotations

import ast

from cnn_space.checking import torch_layers
from cnn_space.checking.limits import Stop
from cnn_space.checking.scope import Scope, yields
from cnn_space.checking.statements import ReturnSignal
from cnn_space.checking.values import (
    Class,
    ExceptionType,
    Failure,
    Function,
    Instance,
    LayerType,
    Method,
    Module,
    Namespace,
    Native,
    Tensor,
    Unknown,
    Value,
    Wrapped,
    type_name,
)

_MISSING = object()


class Calls:
    """The part of the interpreter that calls."""

    caller: Scope | None = None  # where the native function that runs was called
    building = 0  # how many constructors of modules are running

    def call(self, callee: Value, arguments: list, keywords: dict, scope: Scope | None = None):
        """The result of calling any value."""
        self.budget.tick()
        match callee:
            case Native():
                return self._call_native(callee, arguments, keywords, scope)
            case Function():
                return self.call_function(callee, arguments, keywords)
            case Method():
                function = callee.function
                return self.call(function, [callee.receiver, *arguments], keywords, scope)
            case Class():
                return self.instantiate(callee, arguments, keywords)
            case LayerType():
                return torch_layers.build(self, callee, arguments, keywords)
            case Module():
                return self.call_module(callee, arguments, keywords)
            case Wrapped():
                return self.call(callee.function, arguments, keywords, scope)
            case ExceptionType():
                return Instance(callee, {"args": tuple(arguments)})
            case Instance():
                method = self.find_method(callee, "__call__")
                if method is not None:
                    return self.call(method, arguments, keywords)
            case Unknown():
                return callee
            case Namespace():
                return Unknown(callee.name, self.line)
        raise Failure("not_callable", what=type_name(callee), error="TypeError")

    def _call_native(self, native: Native, arguments: list, keywords: dict, scope) -> Value:
        if not native.safe_unknown:
            for value in (*arguments, *keywords.values()):
                if isinstance(value, Unknown):
                    return value
        self.caller = scope or self.caller
        try:
            return self.bounded(native.call(self, arguments, keywords))
        except (TypeError, AttributeError):
            raise Failure("native_arguments", name=native.name, error="TypeError") from None
        except (ValueError, ArithmeticError, LookupError) as error:
            raise Failure(
                "native_value", name=native.name, what=str(error)[:120], error=type(error).__name__
            ) from None

    # --- functions of the text ----------------------------------------------------------------

    def call_function(self, function: Function, arguments: list, keywords: dict) -> Value:
        limit = self.budget.limits.depth
        if self.budget.depth >= limit:
            raise Stop("limit_depth", depth=limit, name=function.name)
        scope = Scope(function.scope)
        scope.function = function
        self.bind(function, arguments, keywords, scope)
        self.budget.depth += 1
        line = self.line
        try:
            if isinstance(function.node, ast.Lambda):
                return self.evaluate(function.node.body, scope)
            if function.yields is None:
                function.yields = yields(function.node)
            if function.yields:
                scope.names["<yielded>"] = []
            try:
                self.run_body(function.node.body, scope)
            except ReturnSignal as signal:
                if not function.yields:
                    return signal.value
            return scope.names["<yielded>"] if function.yields else None
        finally:
            self.budget.depth -= 1
            self.line = line

    def bind(self, function: Function, arguments: list, keywords: dict, scope: Scope) -> None:
        """Set the parameters of ``function`` in ``scope``; Failure where they do not fit."""
        spec = function.node.args
        names = [a.arg for a in (*spec.posonlyargs, *spec.args)]
        values = dict(zip(names, arguments, strict=False))
        extra = arguments[len(names) :]
        shown = self._shown_name(function)
        unknown_count = any(isinstance(a, Unknown) for a in arguments)
        if extra and not spec.vararg and not unknown_count:
            raise Failure(
                "too_many_arguments",
                name=shown,
                wanted=len(names) - bool(function.owner),
                got=len(arguments) - bool(function.owner),
                error="TypeError",
            )
        rest = {}
        known = {*names, *(a.arg for a in spec.kwonlyargs)}
        for name, value in keywords.items():
            if name in values:
                raise Failure("argument_twice", name=shown, argument=name, error="TypeError")
            if name in known:
                values[name] = value
            elif spec.kwarg:
                rest[name] = value
            else:
                raise Failure(
                    "argument_unknown",
                    name=shown,
                    argument=name,
                    known=sorted(known - {"self"}),
                    error="TypeError",
                )
        self._fill_defaults(function, names, values, shown)
        scope.names.update(values)
        if spec.vararg:
            scope.names[spec.vararg.arg] = tuple(extra)
        if spec.kwarg:
            scope.names[spec.kwarg.arg] = rest

    def _fill_defaults(self, function: Function, names: list, values: dict, shown: str) -> None:
        defaults = dict(
            zip(names[len(names) - len(function.defaults) :], function.defaults, strict=True)
        )
        defaults.update(function.keyword_defaults)
        wanted = [*names, *(a.arg for a in function.node.args.kwonlyargs)]
        missing = [n for n in wanted if n not in values and n not in defaults]
        if missing:
            raise Failure(
                "argument_missing", name=shown, argument=", ".join(missing), error="TypeError"
            )
        for name in wanted:
            values.setdefault(name, defaults.get(name))

    def _shown_name(self, function: Function) -> str:
        if function.owner is not None and function.name == "__init__":
            return function.owner.name
        if function.owner is not None:
            return f"{function.owner.name}.{function.name}"
        return function.name

    # --- classes ------------------------------------------------------------------------------

    def instantiate(self, cls: Class, arguments: list, keywords: dict) -> Value:
        if cls.is_module:
            return self.make_module(cls, arguments, keywords)
        if cls.record == "enum" or (
            cls.record is None and any(isinstance(base, Unknown) for base in cls.mro)
        ):
            return self.note_unknown(f"{cls.name}(…)")
        instance = Instance(cls)
        init = self.find_in_class(cls, "__init__")
        if isinstance(init, Function):
            self.call_function(init, [instance, *arguments], keywords)
        elif cls.is_exception:
            instance.fields["args"] = tuple(arguments)
        else:
            self.set_fields(cls, instance, arguments, keywords)
        return instance

    def set_fields(self, cls: Class, instance: Instance, arguments: list, keywords: dict) -> None:
        """Fill a NamedTuple or dataclass."""
        names: list[str] = []
        for base in reversed([b for b in cls.mro if isinstance(b, Class)]):
            names.extend(name for name in base.fields or () if name not in names)
        values = dict(zip(names, arguments, strict=False)) | keywords
        if len(arguments) > len(names) or set(keywords) - set(names):
            raise Failure(
                "too_many_arguments", name=cls.name, wanted=len(names), got=len(arguments)
            )
        for name in names:
            value = values.get(name, _MISSING)
            if value is _MISSING:
                value = self.find_in_class(cls, name, _MISSING)
                if isinstance(value, Instance) and value.fields.get("<factory>") is not None:
                    value = self.call(value.fields["<factory>"], [], {})
                elif value is _MISSING:
                    raise Failure("argument_missing", name=cls.name, argument=name)
            instance.fields[name] = value
        instance.fields["<fields>"] = tuple(names)
        after = self.find_in_class(cls, "__post_init__")
        if isinstance(after, Function):
            self.call_function(after, [instance], {})

    def make_module(self, cls: Class, arguments: list, keywords: dict) -> Module:
        self.count_module()
        module = Module(cls, self.line)
        self.modules_made.append(module)
        init = self.find_in_class(cls, "__init__")
        self.building += 1
        try:
            if isinstance(init, Function):
                module.arguments = self.name_arguments(init, [module, *arguments], keywords)
                self.call_function(init, [module, *arguments], keywords)
            else:
                torch_layers.initialise(self, module, arguments, keywords)
        finally:
            self.building -= 1
        return module

    def name_arguments(self, function: Function, arguments: list, keywords: dict) -> dict:
        """The values that the parameters of ``function`` would get, by name."""
        scope = Scope(function.scope)
        self.bind(function, arguments, keywords, scope)
        return {name: value for name, value in scope.names.items() if name != "self"}

    def count_module(self) -> None:
        self.budget.modules += 1
        if self.budget.modules > self.budget.limits.layers:
            raise Stop("limit_layers", layers=self.budget.limits.layers)

    # --- modules ------------------------------------------------------------------------------

    def call_module(self, module: Module, arguments: list, keywords: dict) -> Value:
        """What ``module(…)`` gives: its forward, with the module noted as the one at work."""
        if self.phase == "top" and not self.building:
            shapes = [a.shape for a in arguments if isinstance(a, Tensor)]
            if shapes:
                self.hints.append((module, shapes[0]))
            return Unknown("failed", self.line)
        self.owners.append(module)
        if len(self.owners) > self.budget.limits.depth:
            raise Stop("limit_depth", depth=self.budget.limits.depth, name=module.kind)
        try:
            return self.run_forward(module, arguments, keywords)
        finally:
            self.owners.pop()

    def run_forward(self, module: Module, arguments: list, keywords: dict) -> Value:
        forward = None
        if isinstance(module.cls, Class):
            forward = self.find_in_class(module.cls, "forward")
        if isinstance(forward, Function):
            return self.call_function(forward, [module, *arguments], keywords)
        if isinstance(forward, Wrapped | Native | Method):
            return self.call(forward, [module, *arguments], keywords)
        return torch_layers.forward(self, module, arguments, keywords)
