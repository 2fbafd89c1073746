"""Record files: sequences of byte strings, in MXNet's packing of images and labels.

A record is a magic number, its length in the lower 29 bits of a word, the bytes, and zeros up to a multiple of 4. Data that holds
the magic number at such a place is split there; the upper bits say which part of the whole it is.
"""

import os
import struct
from collections import namedtuple

import numpy as np

from .base import MXNetError

_MAGIC = struct.pack("<I", 0xCED7230A)
_WHOLE, _FIRST, _MIDDLE, _LAST = range(4)


class MXRecordIO:
    """Records one after another; `flag` is "r" or "w"."""

    def __init__(self, uri, flag):
        self.uri, self.flag = str(uri), flag
        self.is_open = False
        self.open()

    def open(self):
        if self.flag not in ("r", "w"):
            raise ValueError(f"Invalid flag {self.flag}")
        if self.flag == "r" and not os.path.exists(self.uri):
            raise MXNetError(f"there is no file '{self.uri}'")
        self.handle = open(self.uri, f"{self.flag}b")
        self.writable = self.flag == "w"
        self.is_open = True

    def close(self):
        if self.is_open:
            self.handle.close()
            self.is_open = False

    def reset(self):
        self.close()
        self.open()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __getstate__(self):
        state = dict(self.__dict__)
        state["handle"] = None
        return state

    def __setstate__(self, state):
        self.__dict__.update(state)
        if self.is_open:
            self.open()

    def tell(self):
        return self.handle.tell()

    def seek(self, position):
        self.handle.seek(position)

    def _part(self):
        head = self.handle.read(8)
        if not head:
            return None, b""
        if len(head) < 8 or head[:4] != _MAGIC:
            raise MXNetError(f"'{self.uri}' has no record at byte {self.handle.tell() - len(head)}")
        word = struct.unpack("<I", head[4:])[0]
        size = word & 0x1FFFFFFF
        data = self.handle.read(size)
        if len(data) < size:
            raise MXNetError(f"'{self.uri}' ends within a record: {size} bytes were announced, {len(data)} are there")
        self.handle.read(-size % 4)
        return word >> 29, data

    def read(self):
        """The next record as bytes; None at the end."""
        kind, data = self._part()
        if kind is None or kind == _WHOLE:
            return None if kind is None else data
        parts = [data]
        while kind != _LAST:
            kind, data = self._part()
            if kind is None:
                raise MXNetError(f"'{self.uri}' ends within a record of several parts")
            parts.append(data)
        return _MAGIC.join(parts)

    def write(self, buf):
        """Appends a record."""
        data = bytes(buf)
        cuts = [place for place in range(0, len(data) - 3, 4) if data[place : place + 4] == _MAGIC]
        starts, ends = [0, *(cut + 4 for cut in cuts)], [*cuts, len(data)]
        for i, (start, end) in enumerate(zip(starts, ends)):
            kind = _WHOLE if not cuts else _FIRST if i == 0 else _LAST if i == len(cuts) else _MIDDLE
            size = end - start
            self.handle.write(_MAGIC + struct.pack("<I", kind << 29 | size) + data[start:end] + bytes(-size % 4))


class MXIndexedRecordIO(MXRecordIO):
    """Records by key, whose places a second file lists."""

    def __init__(self, idx_path, uri, flag, key_type=int):
        self.idx_path, self.key_type = str(idx_path), key_type
        super().__init__(uri, flag)

    def open(self):
        super().open()
        self.idx, self.keys = {}, []
        if self.writable:
            return
        with open(self.idx_path, encoding="utf-8") as file:
            for line in file:
                key, place = line.strip().split("\t")
                self.keys.append(self.key_type(key))
                self.idx[self.keys[-1]] = int(place)

    def close(self):
        if self.is_open and self.writable:
            with open(self.idx_path, "w", encoding="utf-8") as file:
                file.writelines(f"{key}\t{self.idx[key]}\n" for key in self.keys)
        super().close()

    def seek(self, idx):
        super().seek(self.idx[idx])

    def read_idx(self, idx):
        self.seek(idx)
        return self.read()

    def write_idx(self, idx, buf):
        key = self.key_type(idx)
        self.idx[key] = self.tell()
        self.keys.append(key)
        self.write(buf)


IRHeader = namedtuple("HEADER", ["flag", "label", "id", "id2"])
_HEADER = struct.Struct("<IfQQ")


def pack(header, s):
    """A header (whose label is a number or several) and bytes as one record."""
    header = IRHeader(*header)
    if isinstance(header.label, (int, float)):
        return _HEADER.pack(0, header.label, header.id, header.id2) + s
    label = np.asarray(header.label, dtype=np.float32)
    return _HEADER.pack(label.size, 0, header.id, header.id2) + label.tobytes() + s


def unpack(s):
    """(header, bytes)"""
    header = IRHeader(*_HEADER.unpack(s[: _HEADER.size]))
    s = s[_HEADER.size :]
    if header.flag > 0:
        header = header._replace(label=np.frombuffer(s, np.float32, header.flag))
        s = s[header.flag * 4 :]
    return header, s


def unpack_img(s, iscolor=-1):
    """(header, image as OpenCV has it: blue, green, red)"""
    from .image import imdecode

    header, data = unpack(s)
    return header, imdecode(data, 0 if iscolor == 0 else 1, to_rgb=False).asnumpy()


def pack_img(header, img, quality=95, img_fmt=".jpg"):
    """A header and an image (blue, green, red) as one record."""
    import io

    from PIL import Image

    target = io.BytesIO()
    settings = {"quality": quality} if img_fmt.lower() in (".jpg", ".jpeg") else {}
    values = img[:, :, ::-1] if img.ndim == 3 else img
    Image.fromarray(np.ascontiguousarray(values)).save(target, "PNG" if img_fmt.lower() == ".png" else "JPEG", **settings)
    return pack(header, target.getvalue())
