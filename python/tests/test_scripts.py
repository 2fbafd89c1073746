"""Scripts of MXNet's run unchanged."""

import pytest
from conftest import ROOT


def test_tutorial(run_python, tmp_path):
    script = ROOT / "examples" / "tutorial.py"
    done = run_python("-m", "tenon.mxnet", script, "--seed", "1", "--runs", "1", "--folder", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "plain: " in done.stdout and "accelerated: " in done.stdout and "largest difference" in done.stdout
    assert done.stderr.startswith("tenon: ")
    assert (tmp_path / "resnet18_v2-symbol.json").exists() and (tmp_path / "resnet18_v2-0000.params").exists()


def test_log_off_silences(run_python, tmp_path):
    script = ROOT / "examples" / "tutorial.py"
    done = run_python(
        "-m", "tenon.mxnet", script, "--seed", "1", "--runs", "1", "--folder", tmp_path, TENON_LOG="off"
    )
    assert done.returncode == 0 and done.stderr == ""


def test_tutorial_by_mxnet(run_python, mxnet_python, tmp_path):
    script = ROOT / "examples" / "tutorial.py"
    done = run_python(script, "--seed", "1", "--runs", "1", "--folder", tmp_path, python=mxnet_python)
    assert done.returncode == 0, done.stderr
    assert "plain: " in done.stdout


@pytest.mark.parametrize(
    "line",
    [
        "import mxnet.ndarray as nd, mxnet; assert mxnet.nd is nd",
        "from mxnet.gluon.model_zoo import vision; from mxnet.gluon import nn; import mxnet.gluon.nn as n2; assert nn is n2",
        "from mxnet.io import DataBatch; from mxnet import nd, sym, gluon, autograd",
        "import mxnet.symbol, mxnet.module.module, mxnet.contrib.tensorrt, mxnet.initializer",
        "from collections import namedtuple; import mxnet as mx; B = namedtuple('B', ['data']); print(mx.__version__)",
    ],
)
def test_imports(run_python, tmp_path, line):
    script = tmp_path / "script.py"
    script.write_text(line + "\n")
    done = run_python("-m", "tenon.mxnet", script)
    assert done.returncode == 0, done.stderr


def test_arguments_reach_the_script(run_python, tmp_path):
    script = tmp_path / "script.py"
    script.write_text("import sys; print(__name__, sys.argv[1:])\n")
    done = run_python("-m", "tenon.mxnet", script, "--epoch", "3")
    assert done.stdout.strip() == "__main__ ['--epoch', '3']"


def test_missing_script(run_python):
    done = run_python("-m", "tenon.mxnet", "nothing.py")
    assert done.returncode == 2 and "no file 'nothing.py'" in done.stderr


@pytest.mark.parametrize(
    "line",
    [
        "mx.gluon.Trainer({}, 'sgd')",
        "mx.autograd.backward([])",
        "mx.nd.ones((1,)).attach_grad()",
        "mx.sym.var('x').bind(mx.cpu(), {'x': mx.nd.ones((1,))}).forward(is_train=True)",
        "mx.sym.var('x').bind(mx.cpu(), {'x': mx.nd.ones((1,))}).backward()",
        "mx.mod.Module(mx.sym.relu(mx.sym.var('data'))).fit(None)",
        "mx.optimizer.SGD()",
        "mx.gluon.contrib.estimator.Estimator(None, None)",
        "mx.lr_scheduler.FactorScheduler(10)",
        "mx.gluon.data.vision.transforms.RandomResizedCrop(224)",
        "mx.kv.create('local')",
    ],
)
def test_training_is_refused_in_one_sentence(run_python, tmp_path, line):
    script = tmp_path / "script.py"
    script.write_text(f"import mxnet as mx\n{line}\n")
    done = run_python("-m", "tenon.mxnet", script)
    assert done.returncode == 1
    assert "belongs to training, and Tenon runs networks, it does not train them" in done.stderr


def test_training_may_be_imported_and_subclassed(run_python, tmp_path):
    """Inference scripts import whole libraries, whose modules define optimisers and operators of their own."""
    script = tmp_path / "script.py"
    script.write_text("""
from mxnet import lr_scheduler, optimizer
from mxnet.contrib import amp, onnx
from mxnet.gluon.loss import CTCLoss
import mxnet as mx
class Schedule(lr_scheduler.LRScheduler):
    def __init__(self):
        super().__init__()
@mx.optimizer.Optimizer.register
class Mine(optimizer.SGD):
    pass
@mx.operator.register("target")
class Target(mx.operator.CustomOpProp):
    pass
for make in (Schedule, Mine, Target, CTCLoss, amp.init):
    try:
        make()
    except mx.MXNetError as error:
        print(error)
""")
    done = run_python("-m", "tenon.mxnet", script)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("belongs to training") == 5


def test_functions_of_ones_own_run_forwards(run_python, tmp_path):
    script = tmp_path / "script.py"
    script.write_text("""
import mxnet as mx
class Mean(mx.autograd.Function):
    def forward(self, x, y):
        self.save_for_backward(x, y)
        return 0.5 * (x + y)
    def backward(self, dz):
        return 0.5 * dz, 0.5 * dz
print(Mean()(mx.nd.ones((2,)), mx.nd.zeros((2,))).asnumpy().tolist())
""")
    assert run_python("-m", "tenon.mxnet", script).stdout == "[0.5, 0.5]\n"


def test_names_that_numpy_removed(run_python, tmp_path):
    script = tmp_path / "script.py"
    script.write_text("import numpy as np\nprint(np.float(1), np.zeros(1, np.int).dtype, np.asscalar(np.ones(1)))\n")
    done = run_python("-m", "tenon.mxnet", script)
    assert done.stdout.split() == ["1.0", "int64", "1.0"], done.stderr


def test_names_that_python_removed(run_python, tmp_path):
    script = tmp_path / "script.py"
    script.write_text("import collections, time\nprint(isinstance([], collections.Sequence), time.clock() <= time.clock())\n")
    done = run_python("-m", "tenon.mxnet", script)
    assert done.stdout.split() == ["True", "True"], done.stderr


def test_control_flow_of_symbols_is_refused(run_python, tmp_path):
    script = tmp_path / "script.py"
    script.write_text("import mxnet as mx\nmx.sym.contrib.foreach(None, None, None)\n")
    assert "runs networks without control flow" in run_python("-m", "tenon.mxnet", script).stderr


def test_what_is_left_of_the_cells_is_refused(run_python, tmp_path):
    script = tmp_path / "script.py"
    script.write_text("import mxnet as mx\nmx.rnn.BucketSentenceIter([], 5)\n")
    assert "mx.rnn.BucketSentenceIter is outside Tenon's classic interface" in run_python("-m", "tenon.mxnet", script).stderr


def test_record_iterators_are_refused(run_python, tmp_path):
    script = tmp_path / "script.py"
    script.write_text("import mxnet as mx\nmx.io.ImageRecordIter(path_imgrec='x')\n")
    assert "reads record files" in run_python("-m", "tenon.mxnet", script).stderr
