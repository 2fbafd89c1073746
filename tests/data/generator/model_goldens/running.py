"""Binding a symbol on the CPU and running it once."""


def bind_and_run(sym, shapes, args, aux, feed):
    import mxnet as mx

    exe = sym.simple_bind(mx.cpu(), grad_req="null", **shapes)
    exe.copy_params_from({k: v for k, v in args.items() if k in exe.arg_dict}, aux)
    outs = exe.forward(is_train=False, **{k: mx.nd.array(v, dtype=v.dtype) for k, v in feed.items()})
    return {name: o.asnumpy() for name, o in zip(sym.list_outputs(), outs)}
