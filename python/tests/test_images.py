"""Images are resized as MXNet 1.9.1 does it."""

import numpy as np
import pytest

import tenon.mxnet as mx

IMAGE = (np.arange(90) * 37 % 256).reshape(5, 6, 3).astype("uint8")
#: The first channel in 4 x 3 and in 8 x 6, by MXNet's mx.image.imresize.
EXPECTED = {
    # nearest
    0: (
        [[0, 111, 77, 188],
         [154, 9, 231, 86],
         [206, 61, 27, 138]],
        [[0, 0, 111, 222, 77, 77, 188, 43],
         [0, 0, 111, 222, 77, 77, 188, 43],
         [154, 154, 9, 120, 231, 231, 86, 197],
         [52, 52, 163, 18, 129, 129, 240, 95],
         [206, 206, 61, 172, 27, 27, 138, 249],
         [104, 104, 215, 70, 181, 181, 36, 147]],
    ),
    # bilinear
    1: (
        [[58, 160, 135, 109],
         [80, 54, 157, 131],
         [144, 119, 115, 153]],
        [[0, 69, 152, 204, 95, 146, 133, 43],
         [116, 65, 76, 151, 187, 142, 129, 159],
         [94, 97, 84, 74, 157, 174, 161, 137],
         [116, 119, 106, 83, 86, 156, 183, 159],
         [181, 130, 117, 136, 76, 95, 154, 224],
         [104, 173, 160, 84, 167, 90, 77, 147]],
    ),
    # bicubic
    2: (
        [[53, 175, 130, 109],
         [82, 43, 171, 132],
         [150, 121, 110, 157]],
        [[0, 59, 180, 217, 78, 155, 150, 23],
         [138, 42, 50, 170, 211, 129, 109, 179],
         [88, 106, 70, 47, 177, 201, 161, 128],
         [110, 126, 111, 71, 54, 172, 215, 150],
         [207, 117, 109, 158, 60, 62, 160, 252],
         [90, 196, 171, 68, 186, 84, 53, 150]],
    ),
    # area
    3: (
        [[64, 144, 141, 119],
         [106, 83, 149, 160],
         [148, 125, 105, 151]],
        [[0, 74, 148, 222, 77, 151, 140, 43],
         [123, 61, 66, 140, 200, 137, 126, 166],
         [93, 98, 87, 59, 170, 175, 164, 136],
         [113, 119, 108, 80, 88, 162, 185, 157],
         [186, 123, 112, 152, 58, 98, 154, 228],
         [104, 178, 167, 70, 181, 84, 73, 147]],
    ),
    # Lanczos
    4: (
        [[51, 184, 119, 116],
         [88, 51, 183, 130],
         [156, 119, 106, 159]],
        [[0, 51, 195, 207, 72, 154, 164, 16],
         [152, 39, 36, 184, 215, 114, 108, 192],
         [79, 122, 65, 36, 187, 214, 144, 127],
         [102, 123, 128, 69, 38, 179, 227, 137],
         [220, 104, 103, 169, 72, 47, 163, 255],
         [81, 209, 165, 66, 184, 96, 42, 151]],
    ),
}


@pytest.mark.parametrize("interp", EXPECTED)
def test_imresize(interp):
    """OpenCV rounds weights for bytes to 11 bits: one more or less."""
    for expected, (width, height) in zip(EXPECTED[interp], ((4, 3), (8, 6))):
        made = mx.image.imresize(mx.nd.array(IMAGE, dtype="uint8"), width, height, interp=interp)
        assert made.dtype == np.uint8 and made.shape == (height, width, 3)
        assert np.abs(made.asnumpy()[:, :, 0].astype(int) - expected).max() <= 1


def test_kinds_are_told_apart():
    for kind, (_, expected) in EXPECTED.items():
        for other, (_, values) in EXPECTED.items():
            assert (np.abs(np.subtract(expected, values)).max() > 1) == (kind != other)


def test_the_shorter_edge_takes_bicubic_as_mxnet_does():
    image = mx.nd.array(IMAGE, dtype="uint8")
    np.testing.assert_array_equal(
        mx.image.resize_short(image, 10).asnumpy(), mx.image.imresize(image, 12, 10, interp=2).asnumpy()
    )
    assert mx.image.resize_short(image, 10, interp=1).asnumpy().tolist() != mx.image.resize_short(image, 10).asnumpy().tolist()


def test_unknown_interpolation():
    with pytest.raises(ValueError, match="Unknown interp method 7"):
        mx.image.imresize(mx.nd.array(IMAGE, dtype="uint8"), 4, 3, interp=7)
