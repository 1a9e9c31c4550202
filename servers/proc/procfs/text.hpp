// The texts of /proc. Functions of the records alone: `view` is the PID namespace of the procfs that is read.
#pragma once
#include "../process/core.hpp"
#include <string>

namespace proc {

/// Text put together without formats: TextBuilder{} << "Pid:\t" << 7 << '\n'.
class TextBuilder {
public:
    TextBuilder& operator<<(std::string_view text) {
        text_.append(text);
        return *this;
    }
    TextBuilder& operator<<(char letter) {
        text_.push_back(letter);
        return *this;
    }
    template <class T>
    requires(std::is_integral_v<T> && !std::is_same_v<T, char>) TextBuilder& operator<<(T value) {
        return value < 0 ? (*this << '-').decimal(0 - static_cast<std::uint64_t>(value))
                         : decimal(static_cast<std::uint64_t>(value));
    }
    TextBuilder& decimal(std::uint64_t value, unsigned width = 0, char pad = ' ') {
        return digits(value, 10, width, pad);
    }
    TextBuilder& hexadecimal(std::uint64_t value, unsigned width = 0) { return digits(value, 16, width, '0'); }
    TextBuilder& octal(std::uint64_t value) { return digits(value, 8, 0, '0'); }
    [[nodiscard]] std::string take() { return std::move(text_); }
    [[nodiscard]] std::size_t size() const { return text_.size(); }

private:
    TextBuilder& digits(std::uint64_t value, unsigned base, unsigned width, char pad);
    std::string text_;
};

std::string process_status(Core& core, Process& process, Thread* thread, PidNamespace const& view);
std::string process_stat(Core& core, Process& process, Thread* thread, PidNamespace const& view);
std::string process_statm(Process& process);
std::string process_limits(Process& process);
std::string process_maps(Core& core, Process& process);
/// argv or environment as they stand in the process's memory (cmdline, environ).
std::string process_arguments(Process& process, bool environment);

std::string system_meminfo(Core& core, Domain& domain);
std::string system_stat(Core& core, Domain& domain);
std::string system_loadavg(Core& core, Process& viewer, PidNamespace const& view);
std::string system_uptime(Core& core);
std::string system_cpuinfo(Core& core);
std::string_view system_version();
std::string_view system_filesystems();

} // namespace proc
