#pragma once

/// A kernel that the fake NVRTC compiled for the host, with the arguments of one launch. For each kernel NAME the
/// compiled library has `extern "C" EmulatedLaunch* NAME_prepare(void** arguments)`, which copies the arguments.
class EmulatedLaunch {
 public:
  virtual ~EmulatedLaunch() = default;
  virtual void run(unsigned blocks, unsigned threads) = 0;
};

using PrepareLaunch = EmulatedLaunch* (*)(void** arguments);
