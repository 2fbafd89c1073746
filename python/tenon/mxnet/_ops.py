"""The schemas of the engine's operators, and what both kinds of generated functions need of them."""

import functools
import inspect
import sys
import types

import numpy as np

from .. import _array, _lib
from .base import _Null

#: Attributes that come first in MXNet's signatures, where the schema has another order.
_FIRST = {
    "Convolution": ("kernel", "stride", "dilate", "pad"),
    "Convolution_v1": ("kernel", "stride", "dilate", "pad"),
    "Deconvolution": ("kernel", "stride", "dilate", "pad", "adj", "target_shape"),
    "_contrib_quantized_conv": ("kernel", "stride", "dilate", "pad"),
    "GroupNorm": ("num_groups",),
    "LayerNorm": ("axis",),
    "Pooling": ("kernel", "pool_type", "global_pool", "cudnn_off", "pooling_convention", "stride", "pad"),
    "Pooling_v1": ("kernel", "pool_type", "global_pool", "pooling_convention", "stride", "pad"),
    "_contrib_quantized_pooling": ("kernel", "pool_type", "global_pool", "cudnn_off", "pooling_convention", "stride"),
    "SequenceMask": ("use_sequence_length", "value"),
    "_contrib_DeformablePSROIPooling": ("spatial_scale", "output_dim", "group_size"),
    "_contrib_ModulatedDeformableConvolution": (
        "kernel", "stride", "dilate", "pad", "num_filter", "num_group", "num_deformable_group", "workspace", "no_bias",
        "im2col_step",
    ),
    "_contrib_quantize_v2": ("out_type",),
    "_contrib_requantize": ("out_type",),
    "_slice_assign_scalar": ("scalar",),
    "col2im": ("output_size",),
}  # fmt: skip

#: Attributes that count the inputs of a variadic operator.
_COUNTS = ("num_args", "num_weights", "num_tensors", "num_arrays", "num_outputs")


class Schema:
    """One operator: its attributes in MXNet's order and the names of all inputs it can have."""

    def __init__(self, described):
        self.name = described["name"]
        self.doc = described["doc"]
        self.aliases = described["aliases"]
        order = _FIRST.get(self.name, ())
        rank = {attribute: place for place, attribute in enumerate(order)}
        self.attributes = sorted(described["attributes"], key=lambda a: rank.get(a["name"], len(order)))
        self.attribute_names = [attribute["name"] for attribute in self.attributes]

    @functools.cached_property
    def _placeholders(self):
        """Some legal value for each required attribute."""
        words = {"integer": "1", "real": "1", "boolean": "True", "ints": "(1, 1)", "reals": "(1,)", "text": "x"}
        return {
            a["name"]: a["choices"][0] if a["choices"] else words[a["type"]] for a in self.attributes if a["required"]
        }

    def _signature(self, **attributes):
        try:
            return signature(self.name, {**self._placeholders, **attributes})
        except _lib.Error:
            return None

    @functools.cached_property
    def count(self):
        """The attribute that counts the inputs, or None."""
        for name in _COUNTS:
            if name in self.attribute_names:
                two, three = self._signature(**{name: "2"}), self._signature(**{name: "3"})
                if two and three and len(two["inputs"]) != len(three["inputs"]):
                    return name
        return None

    @functools.cached_property
    def inputs(self):
        """Every input it can have, in order; empty for a variadic operator."""
        if self.count:
            return []
        variants = [{}]
        for a in self.attributes:
            values = ("True", "False") if a["type"] == "boolean" else a["choices"]
            variants += [{a["name"]: value} for value in values]
        if self.name == "RNN":
            variants.append({"mode": "lstm", "use_sequence_length": "True"})
        found = []
        for variant in variants:
            described = self._signature(**variant)
            for name in described["inputs"] if described else ():
                if name not in found:
                    found.append(name)
        return found

    @functools.cached_property
    def parameters(self):
        """Names in the order of MXNet's generated signature."""
        return self.inputs + [name for name in self.attribute_names if name != self.count]


@functools.lru_cache(maxsize=None)
def schemas():
    """By name and alias."""
    table = {}
    for described in _lib.operators():
        schema = Schema(described)
        for name in (schema.name, *schema.aliases):
            table[name] = schema
    return table


def find(name):
    return schemas().get(name)


@functools.lru_cache(maxsize=4096)
def _cached_signature(name, attributes):
    return _lib.signature(name, dict(attributes))


def signature(name, attributes):
    """Canonical name, inputs, outputs, visible, auxiliary of an operator with these attributes."""
    return _cached_signature(name, tuple(sorted(attributes.items())))


def _plain(value):
    """Python numbers instead of NumPy's, whose text form differs."""
    if isinstance(value, (list, tuple)):
        return tuple(_plain(item) for item in value)
    return value.item() if isinstance(value, np.generic) else value


def attribute_text(name, value):
    """An attribute as MXNet's Python writes it."""
    if name in ("dtype", "out_type") and value is not None and not isinstance(value, str):
        return _array.dtype_name(value)
    if isinstance(value, np.ndarray):
        value = value.tolist()
    return str(_plain(value))


def attribute_texts(given):
    return {name: attribute_text(name, value) for name, value in given.items() if value is not _Null}


#: Prefixes that MXNet sorts into modules of their own.
SPACES = {"_contrib_": "contrib", "_linalg_": "linalg", "_image_": "image", "_sparse_": "sparse"}


def sorted_into_spaces():
    """{module: {short name: full name}}; the module of an ordinary operator is "op", of a hidden one "_internal"."""
    spaces = {"op": {}, "_internal": {}, **{space: {} for space in SPACES.values()}}
    for name in schemas():
        if name.startswith(("_np_", "_npi_", "_npx_")):
            continue
        for prefix, space in SPACES.items():
            if name.startswith(prefix):
                spaces[space][name[len(prefix) :]] = name
                break
        else:
            spaces["_internal" if name.startswith("_") else "op"][name] = name
    return spaces


def fill_module(here, short, function):
    """Gives the module `here` (called `short` by users) the modules op, _internal, contrib, linalg, image, sparse, and a
    function an operator, made by function(full name, name) when it is first asked for."""
    spaces = sorted_into_spaces()
    for space, names in spaces.items():
        full = f"{here.__name__}.{space}"
        module = types.ModuleType(full, f"The operators of {short}.{space}.")
        sys.modules[full] = module
        setattr(here, space, module)
        missing = full + " has no operator '{}'; docs/operators.md lists what Tenon has"
        module.__getattr__ = _made_when_asked(module, names, function, missing)
        module.__dir__ = lambda names=names: sorted(names)
        module.__all__ = sorted(names)
    names = {**spaces["_internal"], **spaces["op"]}
    missing = short + " has no '{}'; docs/operators.md lists the operators that Tenon has"
    here.__getattr__ = _made_when_asked(here, names, function, missing)
    here.__dir__ = lambda: sorted({*vars(here), *names})


def _made_when_asked(module, names, function, missing):
    def get(name):
        if name.startswith("__") or name not in names:
            raise AttributeError(missing.format(name))
        made = function(names[name], name)
        setattr(module, name, made)
        return made

    return get


_TYPES = {"integer": "int", "real": "float", "boolean": "boolean", "ints": "Shape(tuple)", "reals": "tuple of float"}


def document(function, name, schema, kind):
    """Gives a generated function its name, signature and docstring."""
    lines = [schema.doc, "", "Parameters", "----------"]
    inputs = [f"*{schema.count and 'data'}"] if schema.count else schema.inputs
    lines += [f"{item} : {kind}" for item in inputs]
    for a in schema.attributes:
        if a["name"] == schema.count:
            continue
        choices = "{" + ", ".join(repr(word) for word in a["choices"]) + "}"
        typed = choices if a["choices"] else _TYPES.get(a["type"], "string")
        lines.append(f"{a['name']} : {typed}, " + ("required" if a["required"] else f"optional, default={a['default']}"))
    extra = ["out", "name"] if kind == "NDArray" else ["name", "attr", "out"]
    function.__name__ = function.__qualname__ = name
    function.__doc__ = "\n".join(lines)
    keyword, rest = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.VAR_KEYWORD
    if schema.count:
        listed = [inspect.Parameter("data", inspect.Parameter.VAR_POSITIONAL)]
    else:
        listed = [inspect.Parameter(n, keyword, default=None) for n in dict.fromkeys(schema.inputs)]
        taken = set(schema.inputs)
        listed += [inspect.Parameter(n, keyword, default=_Null) for n in schema.parameters if n not in taken]
        listed += [inspect.Parameter(n, keyword, default=None) for n in extra if n not in schema.parameters]
    legal = [parameter for parameter in listed if parameter.name.isidentifier()]
    function.__signature__ = inspect.Signature([*legal, inspect.Parameter("kwargs", rest)])
    return function
