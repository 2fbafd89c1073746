#pragma once

// What a test asks of the fake cuDNN. Its heuristics propose three engines for any graph: 0 that does not give the same
// bits each time, 1 with tensor cores, 2 without. All compute by the definition.

extern "C" {
/// The graphs described so far, a line each: operations with the dims and strides of their tensors.
const char* fake_cudnn_graphs();
void fake_cudnn_forget_graphs();
/// Plans run so far, and the engine of the last one.
int fake_cudnn_runs();
int fake_cudnn_engine();
/// From here on graphs are refused whose line has this in it; an empty text refuses none.
void fake_cudnn_refuse(const char* text);
}
