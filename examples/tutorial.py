"""The classic measurement: ResNet-18 v2 from the model zoo, exported, loaded as a checkpoint, timed plain and accelerated.

    python -m tenon.mxnet examples/tutorial.py
    python examples/tutorial.py                  under MXNet itself, without the accelerated half

Options: --runs N (timed forwards, 100), --seed (random weights instead of the trained ones), --folder (where files go).
"""

import argparse
import os
import tempfile
import time

import mxnet as mx
from mxnet.gluon.model_zoo import vision

BATCH_SHAPE = (1, 3, 224, 224)


def export(folder, seed):
    """Writes the checkpoint, as the tutorial does; returns its prefix."""
    prefix = os.path.join(folder, "resnet18_v2")
    net = vision.resnet18_v2(pretrained=seed is None)
    if seed is not None:
        mx.random.seed(seed)
        net.initialize(mx.init.Xavier())
    net.hybridize()
    net.forward(mx.nd.zeros(BATCH_SHAPE))
    net.export(prefix)
    return prefix


def measure(name, executor, data, probe, runs):
    """CPU seconds and wall seconds of `runs` forwards, after ten to warm up; returns the output for `probe`."""
    for _ in range(10):
        y = executor.forward(is_train=False, data=data)
        y[0].wait_to_read()
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(runs):
        y = executor.forward(is_train=False, data=data)
        y[0].wait_to_read()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    print(f"{name}: {cpu:.2f} s of CPU time for {runs} forwards, {wall * 1e3 / runs:.2f} ms of wall time each")
    return executor.forward(is_train=False, data=probe)[0].asnumpy()


def main():
    parser = argparse.ArgumentParser(description="The classic measurement")
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--seed", type=int, help="random weights instead of the trained ones")
    parser.add_argument("--folder")
    options = parser.parse_args()
    ctx = mx.gpu(0) if mx.context.num_gpus() else mx.cpu()

    folder = options.folder or tempfile.mkdtemp(prefix="tutorial-")
    sym, arg_params, aux_params = mx.model.load_checkpoint(export(folder, options.seed), 0)
    data = mx.nd.zeros(BATCH_SHAPE)
    probe = mx.nd.random.uniform(-1, 1, BATCH_SHAPE)  # the tutorial's zeros would hide a wrong answer

    os.environ["MXNET_USE_TENSORRT"] = "0"
    executor = sym.simple_bind(ctx=ctx, data=BATCH_SHAPE, grad_req="null", force_rebind=True)
    executor.copy_params_from(arg_params, aux_params)
    plain = measure("plain", executor, data, probe, options.runs)

    if not hasattr(mx.contrib, "tensorrt"):
        print("accelerated: this MXNet has no TensorRT integration")
        return
    os.environ["MXNET_USE_TENSORRT"] = "1"
    arg_params.update(aux_params)
    all_params = {name: array.as_in_context(ctx) for name, array in arg_params.items()}
    executor = mx.contrib.tensorrt.tensorrt_bind(
        sym, ctx=ctx, all_params=all_params, data=BATCH_SHAPE, grad_req="null", force_rebind=True
    )
    accelerated = measure("accelerated", executor, data, probe, options.runs)
    difference = abs(plain - accelerated).max()
    print(f"largest difference of the outputs: {difference:.3g}, of values up to {abs(plain).max():.3g}")
    assert difference <= 1e-3 * max(1.0, abs(plain).max()), "the accelerated half computes something else"


if __name__ == "__main__":
    main()
