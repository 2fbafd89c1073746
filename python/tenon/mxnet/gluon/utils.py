"""Splitting batches, and downloads that Tenon does not make."""

import hashlib
import os

from .. import ndarray as nd
from ..base import Unsupported
from ..ndarray.ndarray import NDArray


def split_data(data, num_slice, batch_axis=0, even_split=True):
    size = data.shape[batch_axis]
    if even_split and size % num_slice:
        raise ValueError(
            f"data with shape {data.shape} cannot be evenly split into {num_slice} slices along axis {batch_axis}. Use a "
            f"batch size that's multiple of {num_slice} or set even_split=False to allow uneven partitioning of data."
        )
    step = size // num_slice
    ends = [step * (i + 1) for i in range(num_slice - 1)] + [size]
    return [nd.slice_axis(data, batch_axis, begin, end) for begin, end in zip([0, *ends], ends)]


def split_and_load(data, ctx_list, batch_axis=0, even_split=True):
    data = data if isinstance(data, NDArray) else nd.array(data, ctx=ctx_list[0])
    if len(ctx_list) == 1:
        return [data.as_in_context(ctx_list[0])]
    return [part.as_in_context(ctx) for part, ctx in zip(split_data(data, len(ctx_list), batch_axis, even_split), ctx_list)]


def check_sha1(filename, sha1_hash):
    digest = hashlib.sha1()
    with open(filename, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()[: len(sha1_hash)] == sha1_hash


def download(url, path=None, overwrite=False, sha1_hash=None, retries=5, verify_ssl=True):
    """The path of a file that is there already (a `file://` address, or a finished download); nothing is fetched."""
    name = os.path.basename(url)
    path = os.path.join(os.path.expanduser(path or "."), name) if path is None or os.path.isdir(os.path.expanduser(path)) else os.path.expanduser(path)
    if os.path.exists(path) and (sha1_hash is None or check_sha1(path, sha1_hash)):
        return path
    raise Unsupported(f"there is no file '{path}', and Tenon does not download; fetch {url} to that place")
