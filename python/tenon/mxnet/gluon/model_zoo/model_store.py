"""Trained weights, where MXNet keeps or publishes them."""

import os
import shutil
import urllib.error
import urllib.request
import zipfile

from .... import _env
from ...base import MXNetError
from ..utils import check_sha1

#: The first eight digits of the SHA-1 of each file.
SHORT_HASHES = {
    "alexnet": "44335d1f", "densenet121": "f27dbf2d", "densenet161": "b6c8a957", "densenet169": "2603f878",
    "densenet201": "1cdbc116", "inceptionv3": "ed47ec45", "mobilenet0.25": "9f83e440", "mobilenet0.5": "8e9d539c",
    "mobilenet0.75": "529b2c7f", "mobilenet1.0": "6b8c5106", "mobilenetv2_0.25": "ae8f9392", "mobilenetv2_0.5": "aabd26cd",
    "mobilenetv2_0.75": "e2be7b72", "mobilenetv2_1.0": "36da4ff1", "resnet18_v1": "a0666292", "resnet34_v1": "48216ba9",
    "resnet50_v1": "0aee57f9", "resnet101_v1": "d988c13d", "resnet152_v1": "671c637a", "resnet18_v2": "a81db45f",
    "resnet34_v2": "9d6b80bb", "resnet50_v2": "ecdde353", "resnet101_v2": "18e93e4f", "resnet152_v2": "f2695542",
    "squeezenet1.0": "264ba497", "squeezenet1.1": "33ba0f93", "vgg11": "dd221b16", "vgg11_bn": "ee79a809",
    "vgg13": "6bc5de58", "vgg13_bn": "7d97a06c", "vgg16": "e660d456", "vgg16_bn": "7f01cf05", "vgg19": "ad2f660d",
    "vgg19_bn": "f360b758",
}  # fmt: skip


def short_hash(name):
    if name not in SHORT_HASHES:
        raise ValueError(f"Pretrained model for {name} is not available.")
    return SHORT_HASHES[name]


def get_model_file(name, root=None):
    """The path of the weights: in MXNet's cache, else from the repository that MXNET_GLUON_REPO names."""
    root = os.path.expanduser(root or os.path.join(_env.home(), "models"))
    file_name = f"{name}-{short_hash(name)}"
    path = os.path.join(root, f"{file_name}.params")
    if os.path.exists(path):
        if check_sha1(path, short_hash(name)):
            return path
        raise MXNetError(f"{path}: the SHA-1 of the content does not begin with {short_hash(name)}; the file is damaged, fetch it again")
    os.makedirs(root, exist_ok=True)
    archive = os.path.join(root, f"{file_name}.zip")
    _fetch(f"{_env.gluon_repository()}gluon/models/{file_name}.zip", archive, path)
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(root)
    os.remove(archive)
    if not os.path.exists(path) or not check_sha1(path, short_hash(name)):
        raise MXNetError(f"{path}: what the repository gave does not have the SHA-1 {short_hash(name)}…")
    return path


def _fetch(url, archive, path):
    source = url[len("file://") :] if url.startswith("file://") else url
    try:
        if os.path.exists(source):
            shutil.copyfile(source, archive)
            return
        with urllib.request.urlopen(url, timeout=20) as response, open(archive, "wb") as file:
            shutil.copyfileobj(response, file)
    except (OSError, ValueError, urllib.error.URLError) as error:
        if os.path.exists(archive):
            os.remove(archive)
        raise MXNetError(
            f"there are no trained weights at {path}, and {url} cannot be reached ({error}); copy the file there from a "
            "machine that has it, or point MXNET_GLUON_REPO at a mirror"
        ) from error


def purge(root=None):
    root = os.path.expanduser(root or os.path.join(_env.home(), "models"))
    for file in os.listdir(root):
        if file.endswith(".params"):
            os.remove(os.path.join(root, file))
