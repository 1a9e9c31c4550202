// Reading and writing through descriptors, with missing pages brought in and job control obeyed.
#pragma once
#include "descriptors.hpp"

namespace vdso {

/// Bytes transferred, or an error. `offset`: null for the file's own.
Long read_bytes(ThreadArea& thread, Word descriptor, Word address, Word length, std::uint64_t const* offset = nullptr);
/// no_signal: EPIPE without SIGPIPE (MSG_NOSIGNAL).
Long write_bytes(ThreadArea& thread, Word descriptor, Word address, Word length, std::uint64_t const* offset = nullptr,
                 bool no_signal = false);

/// A terminal said Background: sends SIGTTIN or SIGTTOU to the caller's group and asks for the call again, or says how it ends.
Long background(ThreadArea& thread, Word signal);

} // namespace vdso
