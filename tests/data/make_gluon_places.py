#!/usr/bin/env python3
"""Writes gluon-places.txt: for each network of Gluon's vision zoo, where each parameter stands in the tree of blocks.

    venv/bin/python tests/data/make_gluon_places.py >tests/data/gluon-places.txt      (MXNet 1.9.1)

A network is a line with its name; the blocks that have parameters follow, indented: their name scope, the network's prefix
left out, and their place (`conv0_ features.1`: parameter `resnetv20_conv0_weight` is stored as `features.1.weight`).
"""
import itertools

from mxnet.gluon.model_zoo import vision

NAMES = sorted(itertools.chain(
    ["alexnet", "inceptionv3", "squeezenet1.0", "squeezenet1.1"],
    (f"densenet{n}" for n in (121, 161, 169, 201)),
    (f"vgg{n}{bn}" for n in (11, 13, 16, 19) for bn in ("", "_bn")),
    (f"resnet{n}_v{v}" for n in (18, 34, 50, 101, 152) for v in (1, 2)),
    (f"mobilenet{v}{w}" for w in ("0.25", "0.5", "0.75", "1.0") for v in ("", "v2_"))))

for name in NAMES:
    net = vision.get_model(name)
    print(name)
    blocks = {}
    for place, parameter in net._collect_params_with_prefix().items():
        block, word = place.rsplit(".", 1)
        blocks[parameter.name[len(net.prefix):].removesuffix(word)] = block
    for scope, block in blocks.items():
        print("", scope, block)
