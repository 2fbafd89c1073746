#!/usr/bin/env python3
"""Times ResNet-18 v2 by PyTorch with a CUDA graph, one JSON line a precision and batch size: what Tenon is compared with.

The network is built here as Gluon's is (pre-activation blocks, 224 x 224, 1000 classes); weights are random, which
convolution times do not depend on. TF32 and fp16 run in NHWC, their faster layout.
"""
import json
import sys

try:
    import torch
    from torch import nn
except ImportError:
    sys.exit("PyTorch is not installed")

from torch_graph import median_ms


class Block(nn.Module):
    def __init__(self, cin, cout, stride):
        super().__init__()
        self.bn1, self.bn2 = nn.BatchNorm2d(cin), nn.BatchNorm2d(cout)
        self.conv1 = nn.Conv2d(cin, cout, 3, stride, 1, bias=False)
        self.conv2 = nn.Conv2d(cout, cout, 3, 1, 1, bias=False)
        self.shortcut = nn.Conv2d(cin, cout, 1, stride, bias=False) if stride > 1 or cin != cout else None

    def forward(self, x):
        y = torch.relu(self.bn1(x))
        kept = self.shortcut(y) if self.shortcut is not None else x
        return self.conv2(torch.relu(self.bn2(self.conv1(y)))) + kept


class ResNet18v2(nn.Sequential):
    def __init__(self):
        layers = [nn.BatchNorm2d(3), nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(),
                  nn.MaxPool2d(3, 2, 1)]
        channels = 64
        for width, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
            layers += [Block(channels, width, stride), Block(width, width, 1)]
            channels = width
        layers += [nn.BatchNorm2d(512), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 1000)]
        super().__init__(*layers)


def network_ms(network, batch, dtype, layout):
    network = network.to(dtype).to(memory_format=layout)
    x = torch.randn(batch, 3, 224, 224, device="cuda", dtype=dtype).to(memory_format=layout)
    return median_ms(network, x)


def main():
    torch.backends.cudnn.benchmark = True
    network = ResNet18v2().eval().cuda()
    with torch.no_grad():
        for precision, dtype, layout in (("fp32", torch.float32, torch.contiguous_format),
                                         ("tf32", torch.float32, torch.channels_last),
                                         ("fp16", torch.float16, torch.channels_last)):
            torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
            for batch in (1, 8, 32, 128):
                row = {"peer": f"PyTorch {torch.__version__}, CUDA graph", "network": "resnet18_v2",
                       "precision": precision, "batch": batch,
                       "median_ms": round(network_ms(network, batch, dtype, layout), 4)}
                print(json.dumps(row), flush=True)


main()
