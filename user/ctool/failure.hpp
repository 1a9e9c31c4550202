// How ctool refuses: one line on standard error, a stable code in brackets, podman's exit statuses.
#pragma once
#include <string_view>

namespace ctool {

inline constexpr int failed = 125, cannot_invoke = 126, not_found = 127;

/// What is being done, for messages: "create web".
void set_context(std::string_view verb, std::string_view name);
/// `ctool: VERB NAME: TEXT [CODE]`, then exits with `status`.
[[noreturn]] void fail(std::string_view code, std::string_view text, int status = failed);

} // namespace ctool
