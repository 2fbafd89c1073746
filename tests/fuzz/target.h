#pragma once

#include <cstddef>
#include <cstdint>

/// The entry that libFuzzer and the mutation driver share. Whatever the bytes are, it must return: an Error is an
/// answer, anything else a defect.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
