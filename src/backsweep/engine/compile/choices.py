"""Parameters that take one of a few texts, or no value: in the record a code, in user code the value itself.

A code is the place of a value among the choices. Compiled, a text is a type of its own that knows its choices, so that
`self.kind == "ema"` compares two numbers, and a text that is no choice does not compile. A choice among numbers and
None is what Numba calls optional: `self.stop is None` is known from the code, and no number stands for None.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core.errors import TypingError
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import lower_builtin, models, register_model

from backsweep.engine.compile.views import Attribute

Choice = float | str | None
_CODE = ir.IntType(64)


class TextType(types.Type):
    """The Numba type of a text that is one of `choices`, which may have None."""

    def __init__(self, choices: tuple[Choice, ...]) -> None:
        self.choices = choices
        super().__init__(name=f"Text{choices!r}")


@register_model(TextType)
class _TextModel(models.PrimitiveModel):
    def __init__(self, manager: Any, typ: TextType) -> None:
        super().__init__(manager, typ, _CODE)


def coded_attribute(code: Attribute, choices: tuple[Choice, ...]) -> Attribute:
    """Return the attribute whose value is the choice with a code, which another attribute reads."""
    if any(isinstance(choice, str) for choice in choices):
        return Attribute(TextType(choices), code.read)
    numbers = [choice for choice in choices if choice is not None]
    kind = (
        types.boolean if isinstance(numbers[0], bool) else types.int64 if isinstance(numbers[0], int) else types.float64
    )
    optional = types.Optional(kind)

    def read(context: Any, builder: Any, struct: Any) -> Any:
        found = code.read(context, builder, struct)
        made = context.make_helper(builder, optional)
        value = context.get_constant(kind, numbers[0])
        for place, choice in enumerate(choices):
            if choice is not None:
                here = builder.icmp_signed("==", found, ir.Constant(_CODE, place))
                value = builder.select(here, context.get_constant(kind, choice), value)
        made.data = value
        made.valid = builder.icmp_signed("!=", found, ir.Constant(_CODE, choices.index(None)))
        return made._getvalue()  # noqa: SLF001 - Numba's own name for it

    return Attribute(optional, read)


@lower_builtin(operator.is_, TextType, types.none)
@lower_builtin(operator.is_, types.none, TextType)
def _is_none(_context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    place = next(place for place, typ in enumerate(signature.args) if isinstance(typ, TextType))
    choices = signature.args[place].choices
    none = choices.index(None) if None in choices else len(choices)
    return builder.icmp_signed("==", arguments[place], ir.Constant(_CODE, none))


class _Comparison(AbstractTemplate):
    """Types a comparison with a text that the source has, and refuses one that is no choice."""

    prefer_literal = True

    def generic(self, args: Any, kws: Any) -> Any:  # noqa: ARG002 - Numba's interface
        text, other = _sides(args)
        if not isinstance(text, TextType) or not isinstance(other, types.StringLiteral):
            return None
        if other.literal_value not in text.choices:
            known = ", ".join(map(repr, text.choices))
            raise TypingError(f"{other.literal_value!r} is not one of the choices {known}")
        return signature(types.boolean, *args)


def _sides(pair: Any) -> Any:
    """Return the two sides of a comparison, a text with choices first."""
    return pair if isinstance(pair[0], TextType) else pair[::-1]


@infer_global(operator.eq)
class _Equal(_Comparison):
    pass


@infer_global(operator.ne)
class _Unequal(_Comparison):
    pass


def _lower_comparison(sign: str) -> Callable[..., Any]:
    def lower(_context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        text, other = _sides(signature.args)
        code = arguments[signature.args.index(text)]
        return builder.icmp_signed(sign, code, ir.Constant(_CODE, text.choices.index(other.literal_value)))

    return lower


for _operation, _sign in ((operator.eq, "=="), (operator.ne, "!=")):
    lower_builtin(_operation, TextType, types.StringLiteral)(_lower_comparison(_sign))
    lower_builtin(_operation, types.StringLiteral, TextType)(_lower_comparison(_sign))
