// What becomes of the floating-point registers over fork, a thread's start, a signal's handler and exec. The same on Linux.
#include <cfenv>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

void load(double value) { asm volatile("movsd %0, %%xmm3" : : "m"(value)); }
[[gnu::always_inline]] inline double loaded() {
    double value;
    asm volatile("movsd %%xmm3, %0" : "=m"(value));
    return value;
}

char const* rounding() {
    switch (std::fegetround()) {
    case FE_TONEAREST: return "nearest";
    case FE_UPWARD: return "up";
    case FE_DOWNWARD: return "down";
    default: return "zero";
    }
}

void* in_thread(void*) {
    std::printf("thread: rounds %s\n", rounding());
    std::fesetround(FE_TOWARDZERO);
    return nullptr;
}

void handler(int) {
    load(1.5);
    std::fesetround(FE_DOWNWARD);
}

} // namespace

int main(int count, char** words) {
    std::setvbuf(stdout, nullptr, _IONBF, 0);
    if (count > 1 && std::strcmp(words[1], "executed") == 0) {
        std::printf("after exec: rounds %s\n", rounding());
        return 0;
    }
    std::fesetround(FE_UPWARD);
    load(42.5);
    pid_t const child = fork();
    if (child == 0) {
        double const value = loaded();
        std::printf("child: %g, rounds %s\n", value, rounding());
        std::fesetround(FE_DOWNWARD);
        load(3);
        _exit(0);
    }
    waitpid(child, nullptr, 0);
    std::printf("parent: rounds %s\n", rounding());

    pthread_t thread;
    pthread_create(&thread, nullptr, in_thread, nullptr);
    pthread_join(thread, nullptr);
    std::printf("after the thread: rounds %s\n", rounding());

    std::signal(SIGUSR1, handler);
    pid_t const self = getpid();
    load(42.5);
    kill(self, SIGUSR1);
    double const value = loaded();
    std::printf("after the handler: %g, rounds %s\n", value, rounding());
    execl(words[0], words[0], "executed", nullptr);
    return 1;
}
