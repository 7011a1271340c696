"""The reference of the sweep file: every key of the schema, and the rules between keys."""

from __future__ import annotations

import inspect
import textwrap
from importlib import import_module
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BeforeValidator

from backsweep.sweepfile.rules import RULES
from backsweep.sweepfile.search import SAMPLERS
from backsweep.sweepfile.section import Section
from backsweep.sweepfile.sweep import Sweep
from generate.docstrings import describe_own_fields

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydantic.fields import FieldInfo

INTRODUCTION = """\
A sweep file is YAML. A key that is not here is an error that names the nearest one that is. Paths are relative to the
file. Every key can be replaced on the command line: `--set search.batch=128`. Rates are fractions: 0.0005 is 5 basis
points."""

WORDS = {"float": "number", "int": "whole number", "bool": "true or false", "str": "text"}
WORDS |= {"date": "date", "datetime": "date and time"}
BOUNDS = {"ge": "at least {}", "gt": "above {}", "le": "at most {}", "lt": "below {}"}


def write() -> str:
    """Return the page."""
    places: dict[tuple[type[Section], ...], str] = {}
    for path, kind in _walk("", Sweep):
        places.setdefault(_sections(kind), path)
    parts = ["# The sweep file", "", INTRODUCTION, ""]
    for sections, path in places.items():
        parts += _part(path, sections, places)
    return "\n".join([*parts, "## Samplers", "", *_samplers(), "", "## Between sections", "", *_refused(RULES)])


def _samplers() -> list[str]:
    """Return what the first paragraph of each sampler's file says, and what a sweep file must know of it."""
    lines = []
    for name in (*SAMPLERS, "custom"):
        module = import_module(f"backsweep.study.search.samplers.{name}")
        about = " ".join((module.__doc__ or "").split("\n\n")[0].split())
        learns = (
            "learns from outcomes" if name not in SAMPLERS or SAMPLERS[name].learns else "does not learn from outcomes"
        )
        ends = "; ends by itself" if name in SAMPLERS and SAMPLERS[name].ends else ""
        lines.append(f"- `{'module:Class' if name == 'custom' else name}`: {about} It {learns}{ends}.")
    return lines


def _walk(path: str, kind: Any) -> Iterator[tuple[str, Any]]:
    """Yield every place that has keys, and its type."""
    yield path, kind
    for section in _sections(kind):
        for name, field in section.model_fields.items():
            if _sections(field.annotation):
                yield from _walk(_join(path, name, field), field.annotation)


def _part(path: str, sections: tuple[type[Section], ...], places: dict[tuple[type[Section], ...], str]) -> list[str]:
    """Return the part of one place; where there is a choice of sections, each has its `kind`."""
    lines = [f"{'#' * min(2 + path.count('.'), 4)} `{path}`" if path else "## At the top", ""]
    for section in sections:
        tag = _tag(section)
        about = f"`kind: {tag}`. {_sentence(section)}" if tag else _sentence(section)
        lines += [*textwrap.wrap(about, 120, break_on_hyphens=False), ""] if path else []
        rows = [_row(name, text, section, places) for name, text in describe_fields(section).items()]
        if rows:
            lines += ["| key | type | default | description |", "|---|---|---|---|", *rows, ""]
        decorators = section.__pydantic_decorators__
        validators = (*decorators.field_validators.values(), *decorators.model_validators.values())
        lines += _refused(each.func for each in validators)
    return lines


def _row(name: str, description: str, section: type[Section], places: dict[tuple[type[Section], ...], str]) -> str:
    field = section.model_fields[name]
    kind = Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation
    inner = _sections(field.annotation)
    key = f"[`{name}`](#{places[inner].replace('.', '').lower()})" if inner else f"`{name}`"
    return "| " + " | ".join([key, describe_type(kind), _default(field), description]) + " |"


def _refused(functions: Iterable[Any]) -> list[str]:
    """Return what functions refuse, by the first line of their docstrings."""
    texts = [text.removeprefix("Refuse ") for text in map(_sentence, functions) if text.startswith("Refuse ")]
    return ["An error:", "", *(f"- {text}" for text in texts), ""] if texts else []


def describe_fields(section: type[Section]) -> dict[str, str]:
    """Return the text below each key of a section but `kind`, those of the sections that it extends last."""
    made = {name: field.description for name, field in section.model_fields.items() if field.description}
    found: dict[str, str] = {name: " ".join(text.split()) for name, text in made.items()}
    for base in section.__mro__:
        if issubclass(base, Section) and base is not Section and not _is_made(base):
            found |= {name: text for name, text in describe_own_fields(base).items() if name not in found}
    return found


def _is_made(section: type[Section]) -> bool:
    """Return whether a section is made at run time, and so has no source but the descriptions of its fields."""
    return f"class {section.__name__}(" not in inspect.getsource(inspect.getmodule(section))


def describe_type(kind: Any) -> str:
    """Return what a value may be: its type and its bounds."""
    if get_origin(kind) is Annotated:
        inner, *metadata = get_args(kind)
        bounds = [bound for each in metadata for bound in _bounds(inner, each)]
        return describe_type(inner) + "".join(f", {bound}" for bound in bounds)
    members = _members(kind)
    if get_origin(kind) is tuple and NoneType in get_args(get_args(kind)[0]):  # of a list null is a value, not absence
        return f"list of {describe_type(get_args(kind)[0])} or null"
    if len(members) > 1:
        words = [describe_type(member) for member in members if not (member is int and float in members)]
        return " or ".join(dict.fromkeys(words))
    if members[0] is not kind:
        return describe_type(members[0])
    if get_origin(kind) is Literal:
        return " or ".join(f"`{value}`" for value in get_args(kind))
    if get_origin(kind) is dict:
        return f"mapping of names to {describe_type(get_args(kind)[1])}"
    if get_origin(kind) is tuple:
        return f"list of {describe_type(get_args(kind)[0])}"
    return "mapping" if _sections(kind) else WORDS[kind.__name__]


def _bounds(kind: Any, metadata: Any) -> list[str]:
    if isinstance(metadata, BeforeValidator) and metadata.func.__name__ == "check":
        return [metadata.func.__doc__ or ""]
    inner = getattr(metadata, "metadata", [metadata])  # a Field has its own
    found = [
        text.format(_number(getattr(each, name)))
        for each in inner
        for name, text in BOUNDS.items()
        if hasattr(each, name)
    ]
    return found + ["not empty" for each in inner if hasattr(each, "min_length")] * (kind is not str)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "needed"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, Section):
        return f"`{{kind: {value.kind}}}`" if "kind" in type(value).model_fields and _tag(type(value)) else "see there"
    if isinstance(value, tuple) and value:
        return " ".join(
            f"`{{{key}: {text}}}`" for each in value for key, text in each.model_dump(exclude_none=True).items()
        )
    return "none" if value in (None, (), {}) else f"`{_number(value)}`"


def _number(value: Any) -> str:
    """Write a number as a sweep file would, and anything else as it is."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value).lower()
    exponent = int(value).bit_length() - 1
    if exponent > 53 and value == 2**exponent:
        return f"2^{exponent}"
    return str(int(value)) if value == int(value) else f"{value:g}"


def _members(kind: Any) -> list[Any]:
    """List what a union chooses from, null apart; of anything else it is the only member."""
    bare = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    if get_origin(bare) not in {Union, UnionType}:
        return [kind]
    return [inner for member in get_args(bare) if member is not NoneType for inner in _members(member)]


def _sections(kind: Any) -> tuple[type[Section], ...]:
    """List the sections of a type, those in mappings and lists included."""
    found: list[type[Section]] = []
    for member in _members(kind):
        bare = get_args(member)[0] if get_origin(member) is Annotated else member
        if get_origin(bare) in {dict, tuple}:
            found += _sections(get_args(bare)[1 if get_origin(bare) is dict else 0])
        elif isinstance(bare, type) and issubclass(bare, Section):
            found.append(bare)
    return tuple(found)


def _join(path: str, name: str, field: FieldInfo) -> str:
    """Return the place of a key below another; NAME stands for the names of a mapping."""
    members = [get_args(each)[0] if get_origin(each) is Annotated else each for each in _members(field.annotation)]
    suffix = ".NAME" if any(get_origin(each) is dict for each in members) else ""
    return f"{path}.{name}{suffix}".lstrip(".")


def _tag(section: type[Section]) -> str:
    """Return the `kind` that chooses a section, if one does."""
    kind = section.model_fields.get("kind")
    return str(get_args(kind.annotation)[0]) if kind is not None and len(get_args(kind.annotation)) == 1 else ""


def _sentence(documented: Any) -> str:
    return " ".join((inspect.getdoc(documented) or "").split())
