"""Module and BucketingModule: bind, set parameters, forward, predict, score."""

import logging
import warnings

import numpy as np

from .. import initializer, metric
from .. import ndarray as nd
from ..base import no_training
from ..context import Context, cpu
from ..initializer import InitDesc
from ..io import DataBatch, DataDesc, NDArrayIter
from ..model import load_checkpoint, save_checkpoint


def _descriptions(shapes):
    return [item if isinstance(item, DataDesc) else DataDesc(*item) for item in shapes or []]


class BaseModule:
    """What every module does with what `forward` and `get_outputs` give."""

    def __init__(self, logger=logging):
        self.logger = logger
        self.binded = False
        self.params_initialized = False
        self.for_training = False
        self.inputs_need_grad = False
        self.optimizer_initialized = False
        self._symbol = None

    @property
    def symbol(self):
        return self._symbol

    def _ready(self):
        if not (self.binded and self.params_initialized):
            raise AssertionError("call bind and then init_params (or set_params) first")

    def forward_backward(self, data_batch):
        raise no_training("Module.forward_backward")

    def fit(self, *_, **__):
        raise no_training("Module.fit")

    def init_optimizer(self, *_, **__):
        raise no_training("Module.init_optimizer")

    def backward(self, out_grads=None):
        raise no_training("Module.backward")

    def update(self):
        raise no_training("Module.update")

    def _batches(self, eval_data, num_batch, reset):
        if reset:
            eval_data.reset()
        for number, batch in enumerate(eval_data):
            if num_batch is not None and number == num_batch:
                break
            yield number, batch

    def _unpadded(self, batch):
        outputs = self.get_outputs()
        pad = getattr(batch, "pad", None) or 0
        return [output[0 : output.shape[0] - pad].copy() for output in outputs]

    def score(
        self, eval_data, eval_metric, num_batch=None, batch_end_callback=None, score_end_callback=None, reset=True, epoch=0,
        sparse_row_id_fn=None,
    ):  # fmt: skip
        self._ready()
        measured = metric.create(eval_metric)
        measured.reset()
        for _, batch in self._batches(eval_data, num_batch, reset):
            self.forward(batch, is_train=False)
            self.update_metric(measured, batch.label)
        return measured.get_name_value()

    def update_metric(self, eval_metric, labels, pre_sliced=False):
        eval_metric.update(labels, self.get_outputs())

    def iter_predict(self, eval_data, num_batch=None, reset=True, sparse_row_id_fn=None):
        self._ready()
        for number, batch in self._batches(eval_data, num_batch, reset):
            self.forward(batch, is_train=False)
            yield self._unpadded(batch), number, batch

    def predict(
        self, eval_data, num_batch=None, merge_batches=True, reset=True, always_output_list=False, sparse_row_id_fn=None
    ):
        """The outputs of every batch, without padding, merged along the batch."""
        self._ready()
        if isinstance(eval_data, (nd.NDArray, np.ndarray)):
            eval_data = nd.array(eval_data) if isinstance(eval_data, np.ndarray) else eval_data
            self.forward(DataBatch([eval_data]))
            return self.get_outputs()[0]
        rows = []
        for _, batch in self._batches(eval_data, num_batch, reset):
            self.forward(batch, is_train=False)
            rows.append(self._unpadded(batch))
        if not rows or not merge_batches:
            return rows
        if any(len(row) != len(rows[0]) for row in rows):
            raise AssertionError("Cannot merge batches, as num of outputs is not the same in mini-batches.")
        merged = [nd.concatenate([row[i] for row in rows]) for i in range(len(rows[0]))]
        return merged[0] if len(merged) == 1 and not always_output_list else merged


class Module(BaseModule):
    """A symbol, its parameters and an executor."""

    def __init__(
        self, symbol, data_names=("data",), label_names=("softmax_label",), logger=logging, context=None,
        work_load_list=None, fixed_param_names=None, state_names=None, group2ctxs=None, compression_params=None,
    ):  # fmt: skip
        super().__init__(logger)
        contexts = context if isinstance(context, (list, tuple)) else [context or cpu()]
        self._context = Context(contexts[0])
        self._symbol = symbol
        self._data_names = list(data_names or [])
        self._label_names = list(label_names or [])
        arguments = symbol.list_arguments()
        for name in self._data_names:
            if name not in arguments:
                raise ValueError(
                    f"\033[91mYou created Module with Module(..., data_names={self._data_names}) but input with name "
                    f"'{name}' is not found in symbol.list_arguments(). Did you mean one of:\n\t"
                    + "\n\t".join(n for n in arguments if not n.endswith(("_weight", "_bias", "_gamma", "_beta")))
                    + "\033[0m"
                )
        missing = [name for name in self._label_names if name not in arguments]
        if missing:
            logging.warning(
                "You created Module with Module(..., label_names=%s) but input with name '%s' is not found in "
                "symbol.list_arguments().", self._label_names, missing[0],
            )  # fmt: skip
        self._label_names = [name for name in self._label_names if name not in missing]
        inputs = self._data_names + self._label_names + list(state_names or [])
        self._param_names = [name for name in arguments if name not in inputs]
        self._aux_names = symbol.list_auxiliary_states()
        self._arg_params = self._aux_params = None
        self._exec = None
        self._data_shapes = self._label_shapes = None

    @staticmethod
    def load(prefix, epoch, load_optimizer_states=False, **kwargs):
        symbol, args, aux = load_checkpoint(prefix, epoch)
        module = Module(symbol, **kwargs)
        module._arg_params, module._aux_params = args, aux
        module.params_initialized = True
        return module

    def save_checkpoint(self, prefix, epoch, save_optimizer_states=False, remove_amp_cast=True):
        args, aux = self.get_params()
        save_checkpoint(prefix, epoch, self._symbol, args, aux, remove_amp_cast)

    data_names = property(lambda self: self._data_names)
    label_names = property(lambda self: self._label_names)
    output_names = property(lambda self: self._symbol.list_outputs())
    data_shapes = property(lambda self: self._data_shapes)
    label_shapes = property(lambda self: self._label_shapes)

    @property
    def output_shapes(self):
        return [(name, array.shape) for name, array in zip(self.output_names, self._exec.outputs)]

    def bind(
        self, data_shapes, label_shapes=None, for_training=True, inputs_need_grad=False, force_rebind=False,
        shared_module=None, grad_req="write",
    ):  # fmt: skip
        """An executor for these shapes; loaded parameters are applied."""
        if self.binded and not force_rebind:
            self.logger.warning("Already bound, ignoring bind()")
            return
        self.for_training = for_training
        self.inputs_need_grad = inputs_need_grad
        self.binded = True
        if shared_module is not None:
            self._arg_params, self._aux_params = shared_module._arg_params, shared_module._aux_params
            self.params_initialized = shared_module.params_initialized
        self._bind(_descriptions(data_shapes), _descriptions(label_shapes))
        if self.params_initialized:
            self._exec.copy_params_from(self._arg_params, self._aux_params, allow_extra_params=True)

    def _bind(self, data_shapes, label_shapes):
        names = [desc.name for desc in data_shapes]
        if sorted(names) != sorted(self._data_names):
            raise ValueError(f"Data provided by data_shapes don't match names specified by data_names ({names} vs. {self._data_names})")
        self._data_shapes = sorted(data_shapes, key=lambda desc: self._data_names.index(desc.name))
        self._label_shapes = [desc for desc in label_shapes if desc.name in self._label_names] or None
        shapes = {desc.name: tuple(desc.shape) for desc in self._data_shapes + (self._label_shapes or [])}
        types = {desc.name: desc.dtype for desc in self._data_shapes + (self._label_shapes or [])}
        self._exec = self._symbol.simple_bind(
            self._context, grad_req="null", type_dict=types, shared_arg_names=self._param_names, shared_exec=self._exec, **shapes
        )

    def init_params(
        self, initializer=initializer.Uniform(0.01), arg_params=None, aux_params=None, allow_missing=False,
        force_init=False, allow_extra=False,
    ):  # fmt: skip
        """Given parameters where there are any, else initial ones."""
        if self.params_initialized and not force_init:
            warnings.warn("Parameters already initialized and force_init=False. init_params call ignored.", stacklevel=2)
            return
        if not self.binded:
            raise AssertionError("call bind before initializing the parameters")
        attrs = self._symbol.attr_dict()
        given = {**(arg_params or {}), **(aux_params or {})}
        bound = {**self._exec.arg_dict, **self._exec.aux_dict}
        for name in self._param_names + self._aux_names:
            if name in given:
                if given[name].shape != bound[name].shape:
                    raise ValueError(f"the parameter '{name}' has shape {given[name].shape}, {bound[name].shape} is bound")
                bound[name]._write(given[name]._data)
            elif given and not allow_missing:
                raise RuntimeError(f"{name} is not presented")
            elif initializer is not None:
                initializer(InitDesc(name, attrs.get(name, {}), initializer), bound[name])
        extra = [name for name in given if name not in bound]
        if extra and not allow_extra:
            raise ValueError(f"Find name \"{extra[0]}\" that is not in the arguments")
        self._take_params()

    def _take_params(self):
        bound = {**self._exec.arg_dict, **self._exec.aux_dict}
        self._arg_params = {name: bound[name] for name in self._param_names}
        self._aux_params = {name: bound[name] for name in self._aux_names}
        self.params_initialized = True

    def set_params(self, arg_params, aux_params, allow_missing=False, force_init=True, allow_extra=False):
        if not allow_missing:
            self.init_params(None, arg_params, aux_params, allow_missing, force_init, allow_extra)
            return
        if self.params_initialized and not force_init:
            warnings.warn("Parameters already initialized and force_init=False. set_params call ignored.", stacklevel=2)
            return
        self._exec.copy_params_from(arg_params, aux_params, allow_extra_params=allow_extra)
        self._take_params()

    def get_params(self):
        """Copies of (argument parameters, auxiliary parameters)."""
        self._ready()
        return (
            {name: array.copy() for name, array in self._arg_params.items()},
            {name: array.copy() for name, array in self._aux_params.items()},
        )

    def reshape(self, data_shapes, label_shapes=None):
        self._bind(_descriptions(data_shapes), _descriptions(label_shapes))

    def forward(self, data_batch, is_train=None):
        """Runs the batch; another batch shape binds again."""
        self._ready()
        if is_train:
            raise no_training("Module.forward(is_train=True)")
        data = list(data_batch.data)
        shapes = [tuple(array.shape) for array in data]
        labels = [array for array in data_batch.label or [] if array is not None] if self._label_shapes else []
        if shapes != [desc.shape for desc in self._data_shapes]:
            descriptions = [DataDesc(d.name, s, d.dtype, d.layout) for d, s in zip(self._data_shapes, shapes)]
            label_shapes = [DataDesc(d.name, tuple(a.shape), d.dtype) for d, a in zip(self._label_shapes or [], labels)]
            self._bind(descriptions, label_shapes)
        feeds = dict(zip([desc.name for desc in self._data_shapes], data))
        for desc, array in zip(self._label_shapes or [], labels):
            if tuple(array.shape) == desc.shape:
                feeds[desc.name] = array
        self._exec.forward(is_train=False, **feeds)

    def get_outputs(self, merge_multi_context=True):
        outputs = self._exec.outputs
        return outputs if merge_multi_context else [[output] for output in outputs]

    def install_monitor(self, mon):
        mon.install(self._exec)


class BucketingModule(BaseModule):
    """A module a bucket; they share parameters."""

    def __init__(
        self, sym_gen, default_bucket_key=None, logger=logging, context=None, work_load_list=None, fixed_param_names=None,
        state_names=None, group2ctxs=None, compression_params=None,
    ):  # fmt: skip
        super().__init__(logger)
        if default_bucket_key is None:
            raise AssertionError("default_bucket_key must be given")
        self._sym_gen, self._default_bucket_key, self._ctx = sym_gen, default_bucket_key, context
        self._buckets = {}
        self._current = None

    def _made(self, key):
        symbol, data_names, label_names = self._sym_gen(key)
        return Module(symbol, data_names, label_names, self.logger, self._ctx)

    @property
    def symbol(self):
        return self._current.symbol

    data_names = property(lambda self: (self._current or self._made(self._default_bucket_key)).data_names)
    output_names = property(lambda self: (self._current or self._made(self._default_bucket_key)).output_names)
    data_shapes = property(lambda self: self._current.data_shapes)
    label_shapes = property(lambda self: self._current.label_shapes)

    def bind(
        self, data_shapes, label_shapes=None, for_training=True, inputs_need_grad=False, force_rebind=False,
        shared_module=None, grad_req="write",
    ):  # fmt: skip
        if self.binded and not force_rebind:
            self.logger.warning("Already bound, ignoring bind()")
            return
        self._buckets = {}
        self.binded = True
        self._current = self._made(self._default_bucket_key)
        self._current.bind(data_shapes, label_shapes, for_training)
        self._buckets[self._default_bucket_key] = self._current

    def switch_bucket(self, bucket_key, data_shapes, label_shapes=None):
        if bucket_key not in self._buckets:
            module = self._made(bucket_key)
            module.bind(data_shapes, label_shapes, False, shared_module=self._buckets[self._default_bucket_key])
            self._buckets[bucket_key] = module
        self._current = self._buckets[bucket_key]

    def init_params(self, *args, **kwargs):
        self._buckets[self._default_bucket_key].init_params(*args, **kwargs)
        self.params_initialized = True

    def set_params(self, *args, **kwargs):
        self._buckets[self._default_bucket_key].set_params(*args, **kwargs)
        self.params_initialized = True

    def get_params(self):
        return self._buckets[self._default_bucket_key].get_params()

    def forward(self, data_batch, is_train=None):
        self.switch_bucket(data_batch.bucket_key, data_batch.provide_data, data_batch.provide_label)
        self._current.forward(data_batch, is_train)

    def get_outputs(self, merge_multi_context=True):
        return self._current.get_outputs(merge_multi_context)


__all__ = ["BaseModule", "BucketingModule", "Module", "NDArrayIter"]
