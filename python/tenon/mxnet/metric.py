"""Metrics of predictions."""

import math

import numpy

from .ndarray.ndarray import NDArray


def _array(value):
    return value.asnumpy() if isinstance(value, NDArray) else numpy.asarray(value)


def _listed(value):
    return list(value) if isinstance(value, (list, tuple)) else [value]


def check_label_shapes(labels, preds, wrap=False, shape=False):
    ours, theirs = (labels.shape, preds.shape) if shape else (len(labels), len(preds))
    if ours != theirs:
        raise ValueError(f"Shape of labels {ours} does not match shape of predictions {theirs}")
    return (_listed(labels), _listed(preds)) if wrap else (labels, preds)


class EvalMetric:
    """Sums over batches; `get` gives (name, mean)."""

    def __init__(self, name, output_names=None, label_names=None, **kwargs):
        self.name = str(name)
        self.output_names = output_names
        self.label_names = label_names
        self._kwargs = kwargs
        self.reset()

    def __str__(self):
        return f"EvalMetric: {dict(self.get_name_value())}"

    def reset(self):
        self.num_inst = 0
        self.sum_metric = 0.0

    reset_local = reset

    def update_dict(self, label, pred):
        preds = [pred[name] for name in self.output_names] if self.output_names else list(pred.values())
        labels = [label[name] for name in self.label_names] if self.label_names else list(label.values())
        self.update(labels, preds)

    def update(self, labels, preds):
        labels, preds = check_label_shapes(labels, preds, True)
        for label, pred in zip(labels, preds):
            total, count = self._measure(_array(label), _array(pred))
            self.sum_metric += total
            self.num_inst += count

    def get(self):
        return (self.name, self.sum_metric / self.num_inst if self.num_inst else float("nan"))

    def get_name_value(self):
        names, values = self.get()
        return list(zip(_listed(names), _listed(values)))


class Accuracy(EvalMetric):
    """How many predictions are the label."""

    def __init__(self, axis=1, name="accuracy", output_names=None, label_names=None):
        super().__init__(name, output_names, label_names)
        self.axis = axis

    def _measure(self, label, pred):
        if pred.shape != label.shape:
            pred = pred.argmax(self.axis)
        pred, label = pred.astype("int32").ravel(), label.astype("int32").ravel()
        check_label_shapes(label, pred, shape=True)
        return int((pred == label).sum()), len(pred)


class TopKAccuracy(EvalMetric):
    """How many labels are among the k best predictions."""

    def __init__(self, top_k=1, name="top_k_accuracy", output_names=None, label_names=None):
        super().__init__(f"{name}_{top_k}", output_names, label_names)
        if top_k <= 1:
            raise AssertionError("Please use Accuracy if top_k is no more than 1")
        self.top_k = top_k

    def _measure(self, label, pred):
        best = numpy.argpartition(pred.astype("float32"), -self.top_k)[:, -self.top_k :] if pred.ndim == 2 else pred[:, None]
        return int((best == label.astype("int32").ravel()[:, None]).sum()), len(label)


class MAE(EvalMetric):
    def __init__(self, name="mae", output_names=None, label_names=None):
        super().__init__(name, output_names, label_names)

    def _measure(self, label, pred):
        return float(numpy.abs(_column(label) - _column(pred)).mean()), 1


class MSE(EvalMetric):
    def __init__(self, name="mse", output_names=None, label_names=None):
        super().__init__(name, output_names, label_names)

    def _measure(self, label, pred):
        return float(((_column(label) - _column(pred)) ** 2).mean()), 1


class RMSE(MSE):
    def __init__(self, name="rmse", output_names=None, label_names=None):
        super().__init__(name, output_names, label_names)

    def get(self):
        name, value = super().get()
        return name, math.sqrt(value)


class CrossEntropy(EvalMetric):
    """Minus the log of what was predicted for the label."""

    def __init__(self, eps=1e-12, name="cross-entropy", output_names=None, label_names=None):
        super().__init__(name, output_names, label_names)
        self.eps = eps

    def _measure(self, label, pred):
        rows = label.astype("int64").ravel()
        return float(-numpy.log(pred[numpy.arange(len(rows)), rows] + self.eps).sum()), len(rows)


class Loss(EvalMetric):
    """The mean of the outputs."""

    def __init__(self, name="loss", output_names=None, label_names=None):
        super().__init__(name, output_names, label_names)

    def update(self, _, preds):
        for pred in _listed(preds):
            self.sum_metric += float(_array(pred).sum())
            self.num_inst += pred.size


class F1(EvalMetric):
    """The F1 score of two classes."""

    def __init__(self, name="f1", output_names=None, label_names=None, average="macro"):
        self.average = average
        super().__init__(name, output_names, label_names)

    def reset(self):
        super().reset()
        self._counts = numpy.zeros(3)

    def _measure(self, label, pred):
        chosen, truth = pred.argmax(1), label.astype("int32").ravel()
        counts = numpy.array([((chosen == 1) & (truth == 1)).sum(), ((chosen == 1) & (truth == 0)).sum(), ((chosen == 0) & (truth == 1)).sum()])
        self._counts += counts
        if self.average == "macro":
            return _f1(counts), 1
        self.sum_metric, self.num_inst = 0.0, 0
        return _f1(self._counts) * self._counts.sum(), self._counts.sum()


def _f1(counts):
    hits, wrong, missed = counts
    return 2 * hits / (2 * hits + wrong + missed) if hits else 0.0


def _column(values):
    return values.reshape(values.shape[0], 1) if values.ndim == 1 else values


class CompositeEvalMetric(EvalMetric):
    """Several metrics as one."""

    def __init__(self, metrics=None, name="composite", output_names=None, label_names=None):
        self.metrics = [create(metric) for metric in metrics or []]
        super().__init__(name, output_names, label_names)

    def add(self, metric):
        self.metrics.append(create(metric))

    def get_metric(self, index):
        return self.metrics[index]

    def update(self, labels, preds):
        for metric in self.metrics:
            metric.update(labels, preds)

    def reset(self):
        for metric in self.metrics:
            metric.reset()

    def get(self):
        pairs = [pair for metric in self.metrics for pair in metric.get_name_value()]
        return [name for name, _ in pairs], [value for _, value in pairs]


class CustomMetric(EvalMetric):
    """A function of (label, prediction) that gives a number, or (sum, count)."""

    def __init__(self, feval, name=None, output_names=None, label_names=None, allow_extra_outputs=False):
        super().__init__(name or f"custom({getattr(feval, '__name__', 'feval')})", output_names, label_names)
        self._feval = feval

    def _measure(self, label, pred):
        value = self._feval(label, pred)
        return value if isinstance(value, tuple) else (value, 1)


def np(numpy_feval, name=None, allow_extra_outputs=False):  # noqa: F811 (MXNet's name)
    """A metric from a function of NumPy arrays."""
    return CustomMetric(numpy_feval, name)


_BY_NAME = {
    "acc": Accuracy, "accuracy": Accuracy, "top_k_accuracy": TopKAccuracy, "topkaccuracy": TopKAccuracy,
    "top_k_acc": TopKAccuracy, "ce": CrossEntropy, "cross-entropy": CrossEntropy, "crossentropy": CrossEntropy,
    "mae": MAE, "mse": MSE, "rmse": RMSE, "loss": Loss, "f1": F1, "composite": CompositeEvalMetric,
}  # fmt: skip


def create(metric, *args, **kwargs):
    """A metric from its name, a function, or a list of them."""
    if isinstance(metric, EvalMetric):
        return metric
    if callable(metric):
        return CustomMetric(metric, *args, **kwargs)
    if isinstance(metric, list):
        return CompositeEvalMetric(metric)
    if metric.lower() not in _BY_NAME:
        raise AssertionError(f"Cannot find metric {metric}; there are {', '.join(sorted(_BY_NAME))}")
    return _BY_NAME[metric.lower()](*args, **kwargs)
