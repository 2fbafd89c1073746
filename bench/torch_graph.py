"""How PyTorch is timed on a GPU: forwards recorded in a CUDA graph, the median of 300 replays."""
import statistics

import torch


def median_ms(network, x):
    """Milliseconds of network(x), by events; the parameters and `x` lie on the device."""
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        for _ in range(5):
            network(x)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        network(x)
    times = []
    for turn in range(330):
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        graph.replay()
        end.record()
        end.synchronize()
        if turn >= 30:
            times.append(begin.elapsed_time(end))
    return statistics.median(times)
