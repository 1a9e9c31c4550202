#include "failure.hpp"
#include <string>
#include <unistd.h>

namespace ctool {

namespace {
std::string context;
}

void set_context(std::string_view verb, std::string_view name) {
    context = verb;
    if (!name.empty()) { context.append(" ").append(name); }
}

void fail(std::string_view code, std::string_view text, int status) {
    std::string line = "ctool: ";
    if (!context.empty()) { line.append(context).append(": "); }
    line.append(text).append(" [").append(code).append("]");
    for (char& c : line) { c = c == '\n' ? ' ' : c; }
    line += '\n';
    static_cast<void>(!write(2, line.data(), line.size()));
    _exit(status);
}

} // namespace ctool
