"""One engine, one model, one batch size, one number of threads, in a process of its own.

    peers_worker.py ENGINE FOLDER MODEL BATCH THREADS [once]

Says `{"error": …}` (largest difference from MXNet's outputs over their largest magnitude) once it is ready, then answers
each line with a number of seconds by `{"times": […]}`: the milliseconds of single forwards over so long, at least one.
The input is fed before; reading it is not timed. Reads and writes JSON lines. With `once` it ends after the first output.
"""
import json
import os
import pathlib
import sys
import time

import numpy as np

ENGINE, FOLDER, MODEL, BATCH, THREADS = (sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]),
                                         int(sys.argv[5]))


class MXNet:
    def __init__(self, data):
        import mxnet as mx
        self.wait = mx.nd.waitall
        symbol, arguments, auxiliary = mx.model.load_checkpoint(str(FOLDER / MODEL), 0)
        self.executor = symbol.simple_bind(mx.cpu(), data=data.shape, grad_req="null")
        self.executor.copy_params_from(arguments, auxiliary)
        self.executor.arg_dict["data"][:] = data
        self.version = mx.__version__

    def run(self):
        self.executor.forward(is_train=False)
        self.wait()

    def outputs(self):
        return [output.asnumpy() for output in self.executor.outputs]


class ONNXRuntime:
    def __init__(self, data):
        import onnxruntime
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = THREADS, 1
        self.session = onnxruntime.InferenceSession(str(FOLDER / f"{MODEL}-b{BATCH}.onnx"), options,
                                                    providers=["CPUExecutionProvider"])
        self.binding = self.session.io_binding()
        self.binding.bind_cpu_input("data", data)
        for output in self.session.get_outputs():
            self.binding.bind_output(output.name)
        self.version = onnxruntime.__version__

    def run(self):
        self.session.run_with_iobinding(self.binding)

    def outputs(self):
        return self.binding.copy_outputs_to_cpu()


class OpenVINO:
    def __init__(self, data):
        import openvino
        core = openvino.Core()
        compiled = core.compile_model(str(FOLDER / f"{MODEL}-b{BATCH}.onnx"), "CPU", {
            "INFERENCE_NUM_THREADS": THREADS, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "bf16" if ENGINE == "openvino-bf16" else "f32"})
        self.request = compiled.create_infer_request()
        self.request.set_input_tensor(openvino.Tensor(data))
        self.count = len(compiled.outputs)
        self.version = openvino.__version__.split("-")[0]

    def run(self):
        self.request.start_async()
        self.request.wait()

    def outputs(self):
        return [np.array(self.request.get_output_tensor(i).data) for i in range(self.count)]


class Ncnn:
    """Has no batch dimension: the images of a batch run one after another."""

    def __init__(self, data):
        import ncnn
        self.net = ncnn.Net()
        options = self.net.opt
        options.num_threads = THREADS
        options.use_fp16_packed = options.use_fp16_storage = options.use_fp16_arithmetic = False
        options.use_bf16_storage = options.use_vulkan_compute = False
        if self.net.load_param(str(FOLDER / f"{MODEL}.ncnn.param")) or self.net.load_model(str(FOLDER / f"{MODEL}.ncnn.bin")):
            raise RuntimeError("ncnn does not load the model")
        self.images = [ncnn.Mat(image).clone() for image in data]
        self.names = json.loads((FOLDER / f"{MODEL}.ncnn.json").read_text())
        self.version = ncnn.__version__

    def run(self):
        self.results = []
        for image in self.images:
            extractor = self.net.create_extractor()
            extractor.input("data", image)
            self.results.append([extractor.extract(name)[1] for name in self.names])

    def outputs(self):
        return [np.stack([np.array(result[i]) for result in self.results]) for i in range(len(self.names))]


class MNN:
    def __init__(self, data):
        import MNN as mnn
        self.mnn = mnn
        self.interpreter = mnn.Interpreter(str(FOLDER / f"{MODEL}-b{BATCH}.mnn"))
        self.session = self.interpreter.createSession({"backend": "CPU", "precision": "high", "numThread": THREADS})
        source = self.interpreter.getSessionInput(self.session, "data")
        source.copyFrom(mnn.Tensor(data.shape, mnn.Halide_Type_Float, data, mnn.Tensor_DimensionType_Caffe))
        self.names = json.loads((FOLDER / f"{MODEL}-outputs.json").read_text())
        self.version = mnn.version()

    def run(self):
        self.interpreter.runSession(self.session)

    def outputs(self):
        mnn, arrays = self.mnn, []
        for name in self.names:
            tensor = self.interpreter.getSessionOutput(self.session, name)
            shape = tensor.getShape()
            host = mnn.Tensor(shape, mnn.Halide_Type_Float, np.zeros(shape, np.float32), mnn.Tensor_DimensionType_Caffe)
            tensor.copyToHostTensor(host)
            arrays.append(np.array(host.getNumpyData()).reshape(shape))
        return arrays


ENGINES = {"mxnet": MXNet, "onnxruntime": ONNXRuntime, "openvino": OpenVINO, "openvino-bf16": OpenVINO, "ncnn": Ncnn,
           "mnn": MNN}


def relative_error(actual, expected):
    return max(float(np.abs(a.reshape(e.shape) - e).max() / np.abs(e).max()) for a, e in zip(actual, expected, strict=True))


def measure(run, seconds):
    times, end = [], time.perf_counter() + seconds
    while not times or time.perf_counter() < end:
        start = time.perf_counter()
        run()
        times.append(1e3 * (time.perf_counter() - start))
    return times


def main():
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # the engines' own prints
    golden = np.load(FOLDER / f"{MODEL}-b{BATCH}.npz")
    engine = ENGINES[ENGINE](golden["in/data"])
    engine.run()
    outputs = engine.outputs()
    if sys.argv[6:] == ["once"]:
        return
    expected = [golden[f"out/{i}"] for i in range(len(golden.files) - 1)]
    error = relative_error(outputs, expected)
    measure(engine.run, 0.2)
    print(json.dumps({"error": error, "version": str(engine.version)}), file=answers)
    for line in sys.stdin:
        print(json.dumps({"times": measure(engine.run, float(line))}), file=answers)


if __name__ == "__main__":
    main()
