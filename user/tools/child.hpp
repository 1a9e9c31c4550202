// Children of a test program that run a body of code and end.
#pragma once
#include <cstdio>
#include <sys/wait.h>
#include <type_traits>
#include <unistd.h>

namespace test_program {

/// A child that runs `body` and ends with what it gives, 0 if that is nothing. What either printed before is out first.
template <class Body>
pid_t start(Body body) {
    std::fflush(stdout);
    pid_t const child = fork();
    if (child == 0) {
        int result = 0;
        if constexpr (std::is_void_v<decltype(body())>) {
            body();
        } else {
            result = static_cast<int>(body());
        }
        std::fflush(stdout);
        _exit(result);
    }
    return child;
}

/// The same, and waits for its end: its status as waitpid(2) gives it; -1 if there was none to wait for.
template <class Body>
int in_child(Body body) {
    int status = -1;
    return waitpid(start(body), &status, 0) > 0 ? status : -1;
}

} // namespace test_program
