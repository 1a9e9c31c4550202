// How linux_bench measures, and what its parts give it: each prints one line by report() or fail().
#pragma once
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sched.h>
#include <span>
#include <string>
#include <string_view>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

inline constexpr int rounds = 9;
inline char buffer[65536];

inline std::uint64_t now() {
    std::uint64_t ticks;
    asm volatile("rdtsc" : "=A"(ticks));
    return ticks;
}

inline void fail(const char* name, const char* what) {
    std::printf("%s failed: %s: %s\n", name, what, std::strerror(errno));
    std::fflush(stdout);
}

inline void report(const char* name, std::span<std::uint64_t> samples, double operations) {
    std::sort(samples.begin(), samples.end());
    std::printf("%s %.0f\n", name, static_cast<double>(samples[samples.size() / 2]) / operations);
    std::fflush(stdout);
}

/// Runs the operation `count` times in each round. It returns false when it failed, which ends the measurement.
template <class Operation>
void measure(const char* name, int count, Operation operation, int round_count = rounds) {
    std::array<std::uint64_t, rounds> samples{};
    for (int round = 0; round < round_count; ++round) {
        std::uint64_t const begin = now();
        for (int i = 0; i < count; ++i) {
            if (!operation()) return fail(name, "operation");
        }
        samples[static_cast<std::size_t>(round)] = now() - begin;
    }
    report(name, std::span(samples).first(static_cast<std::size_t>(round_count)), count);
}

/// Waits for the child; true if it ended with status 0.
inline bool reap(pid_t child) {
    int status = 0;
    return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

inline pid_t start(char* const arguments[]) {
    std::fflush(stdout);
    pid_t const child = fork();
    if (child == 0) {
        static char path[] = "PATH=/bin:/sbin:/usr/bin:/usr/sbin";
        static char* environment[] = {path, nullptr};
        execve(arguments[0], arguments, environment);
        _exit(127);
    }
    return child;
}

template <std::size_t count>
bool run(const char* const (&words)[count]) {
    std::array<char*, count + 1> arguments{};
    for (std::size_t i = 0; i < count; ++i) arguments[i] = const_cast<char*>(words[i]);
    return reap(start(arguments.data()));
}

/// Runs `operation` in a child that then ends, and takes what it alone cost there.
template <class Operation>
void measure_in_child(const char* name, Operation operation) {
    auto* const shared =
        static_cast<std::uint64_t*>(mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    std::array<std::uint64_t, rounds> samples{};
    for (auto& sample : samples) {
        std::fflush(stdout);
        pid_t const child = fork();
        if (child == 0) {
            std::uint64_t const begin = now();
            bool const done = operation();
            *shared = now() - begin;
            _exit(done ? 0 : 1);
        }
        if (!reap(child)) return fail(name, "child");
        sample = *shared;
    }
    report(name, samples, 1);
}

struct Benchmark {
    const char* name;
    void (*measure)(const char* name);
};
/// TCP, and what a network namespace with its stack costs (linux_network.cpp); namespaces of every kind (linux_namespaces.cpp).
std::span<Benchmark const> network_benchmarks();
std::span<Benchmark const> namespace_benchmarks();
