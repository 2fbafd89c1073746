"""The zoo's blocks are the networks that the engine builds, and so the ones that MXNet exported."""

import hashlib
import json
import zipfile

import numpy as np
import pytest

import tenon
import tenon.mxnet as mx
from tenon.mxnet.gluon.block import _BlockScope
from tenon.mxnet.gluon.model_zoo import model_store, vision


def nodes(text):
    return [(n["op"], n["name"], n.get("attrs"), n["inputs"]) for n in json.loads(text)["nodes"]]


@pytest.fixture(autouse=True)
def first_names():
    _BlockScope._top.clear()


@pytest.mark.parametrize("name", tenon.zoo_names())
def test_block_is_the_network(name):
    symbol = vision.get_model(name)(mx.sym.var("data"))
    assert nodes(symbol.tojson()) == nodes(tenon.zoo(name).json())


@pytest.fixture
def published(tmp_path, monkeypatch):
    """A mirror of MXNet's repository with one network, and an empty cache."""
    model = tenon.zoo("squeezenet1.1", seed=5)
    block = vision.squeezenet1_1()
    block.initialize()
    block(mx.nd.zeros((1, 3, 224, 224)))
    for name, parameter in block.collect_params().items():
        parameter.set_data(mx.nd.array(model.parameters[name]))
    weights = tmp_path / "weights.params"
    block.save_parameters(str(weights))
    digest = hashlib.sha1(weights.read_bytes()).hexdigest()[:8]
    monkeypatch.setitem(model_store.SHORT_HASHES, "squeezenet1.1", digest)
    folder = tmp_path / "mirror" / "gluon" / "models"
    folder.mkdir(parents=True)
    with zipfile.ZipFile(folder / f"squeezenet1.1-{digest}.zip", "w") as archive:
        archive.write(weights, f"squeezenet1.1-{digest}.params")
    monkeypatch.setenv("MXNET_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MXNET_GLUON_REPO", f"file://{tmp_path}/mirror")
    return model, digest, tmp_path / "home" / "models"


def test_pretrained_reads_the_mirror_and_the_cache(published, monkeypatch):
    model, digest, cache = published
    data = np.random.RandomState(0).rand(1, 3, 224, 224).astype("float32")
    expected = model.compile(data=data.shape, backend="plain")(data)
    for _ in range(2):  # from the mirror, then from the cache
        _BlockScope._top.clear()
        net = vision.squeezenet1_1(pretrained=True)
        np.testing.assert_allclose(net(mx.nd.array(data)).asnumpy(), expected, rtol=1e-4, atol=1e-5)
        monkeypatch.setenv("MXNET_GLUON_REPO", "file:///nowhere")
    assert (cache / f"squeezenet1.1-{digest}.params").exists()


def test_damaged_weights_are_refused(published):
    _, digest, cache = published
    cache.mkdir(parents=True)
    (cache / f"squeezenet1.1-{digest}.params").write_bytes(b"damaged")
    with pytest.raises(mx.MXNetError, match="SHA-1"):
        vision.squeezenet1_1(pretrained=True)


def test_offline_says_where_the_file_belongs(monkeypatch, tmp_path):
    monkeypatch.setenv("MXNET_HOME", str(tmp_path))
    monkeypatch.setenv("MXNET_GLUON_REPO", "file:///nowhere")
    with pytest.raises(mx.MXNetError, match="resnet18_v2-a81db45f.params.*cannot be reached"):
        vision.resnet18_v2(pretrained=True)
