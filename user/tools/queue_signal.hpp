// SIGUSR1 for a message in a queue (mq_notify(3)), blocked and waited for.
#pragma once
#include <csignal>
#include <mqueue.h>

namespace test_program {

/// Blocks the signal and asks for it, with a value; the result is mq_notify's. `set` becomes the one to wait for.
inline int ask_for_signal(mqd_t queue, int value, sigset_t& set) {
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, nullptr);
    sigevent event{};
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGUSR1;
    event.sigev_value.sival_int = value;
    return mq_notify(queue, &event);
}

} // namespace test_program
