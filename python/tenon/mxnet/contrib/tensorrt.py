"""mx.contrib.tensorrt of MXNet 1.3 to 1.7: the switches lead to Tenon's accelerated executor."""

import logging

from ... import _env

_fp16 = None


def set_use_tensorrt(status):
    """The same as MXNET_USE_TENSORRT; read at every bind."""
    _env.set_variable("MXNET_USE_TENSORRT", str(int(status)))


def get_use_tensorrt():
    return _env.use_tensorrt()


def set_use_fp16(status):
    _env.set_variable("MXNET_TENSORRT_USE_FP16", str(int(status)))


def get_use_fp16():
    return _env.tensorrt_use_fp16()


def get_optimized_symbol(executor):
    """The symbol that the executor runs."""
    return executor.get_optimized_symbol()


def tensorrt_bind(symbol, ctx, all_params, type_dict=None, stype_dict=None, group2ctx=None, **kwargs):
    """simple_bind with all parameters in one dict; the switch above decides whether it is accelerated."""
    if not _env.use_tensorrt():
        logging.info("MXNET_USE_TENSORRT is 0: the executor will be a plain one")
    kwargs["shared_buffer"] = all_params
    return symbol.simple_bind(
        ctx, type_dict=type_dict, stype_dict=stype_dict, group2ctx=group2ctx, **kwargs
    )


def init_tensorrt_params(sym, arg_params, aux_params):
    """Gives the parameters to the accelerated part; returns those that are left."""
    args, aux = dict(arg_params), dict(aux_params)
    sym._absorb(args, aux)
    return args, aux
