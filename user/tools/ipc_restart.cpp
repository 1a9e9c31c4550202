// ipc_restart: what becomes of System V objects and message queues when the server they live in dies (the one that dies of key 0xdead), and of
// programs that go on.
//   ipc_restart after     only what works again
#include "child.hpp"
#include "queue_signal.hpp"
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <mqueue.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using test_program::in_child;
using test_program::start;

void outcome(char const* what, long result) {
    std::printf("%s: %s\n", what, result >= 0 ? "ok" : std::strerror(errno));
}
int operate(int set, short change, short flags = 0) {
    sembuf one{0, change, flags};
    return semop(set, &one, 1);
}
mqd_t queue(char const* name) { return mq_open(name, O_RDWR | O_CREAT | O_NONBLOCK, 0600, nullptr); }
void notified(mqd_t to) {
    sigset_t set;
    outcome("notify", test_program::ask_for_signal(to, 0, set));
    outcome("send", mq_send(to, "x", 1, 0));
    timespec const most{5, 0};
    siginfo_t information{};
    std::printf("told: %d\n", sigtimedwait(&set, &information, &most) == SIGUSR1 && information.si_code == SI_MESGQ);
}
void undone(int set) {
    in_child([&] { operate(set, 3, SEM_UNDO); });
    std::printf("undone: %d\n", semctl(set, 0, GETVAL) == 0);
    in_child([&] {
        operate(set, 5, SEM_UNDO);
        raise(SIGKILL);
    });
    std::printf("undone of one killed: %d\n", semctl(set, 0, GETVAL) == 0);
}

void go_on() {
    int const again = semget(IPC_PRIVATE, 1, 0600);
    outcome("a set again", again);
    undone(again);
    int const fresh = shmget(IPC_PRIVATE, 4096, 0600);
    auto* const mapped = static_cast<char volatile*>(shmat(fresh, nullptr, 0));
    outcome("a segment again", fresh);
    *mapped = 'n';
    in_child([&] { std::printf("shared: %c\n", *mapped); });
    mqd_t const after = queue("/after");
    outcome("a queue again", after);
    notified(after);
    in_child([&] {
        mqd_t const own = queue("/own");
        notified(own);
    });
    semctl(again, 0, IPC_RMID);
}

} // namespace

int main(int count, char**) {
    setvbuf(stdout, nullptr, _IOLBF, 0);
    if (count > 1) {
        go_on();
        return 0;
    }
    int const set = semget(IPC_PRIVATE, 1, 0600), messages = msgget(IPC_PRIVATE, 0600),
              segment = shmget(IPC_PRIVATE, 4096, 0600);
    auto* const memory = static_cast<char volatile*>(shmat(segment, nullptr, 0));
    *memory = 'm';
    mqd_t const before = queue("/before");
    undone(set);
    operate(set, 1, SEM_UNDO);
    pid_t const waiter = start([&] { _exit(operate(set, -9) == 0 ? 0 : errno); });
    usleep(100000);
    in_child([] { outcome("who asked", semget(0xdead, 1, IPC_CREAT)); });
    int status = 0;
    waitpid(waiter, &status, 0);
    std::printf("who was waiting: %s\n", std::strerror(WEXITSTATUS(status)));
    outcome("set", operate(set, 1));
    outcome("messages", msgctl(messages, IPC_RMID, nullptr));
    outcome("segment", shmctl(segment, IPC_RMID, nullptr));
    waitpid(start([&] { static_cast<void>(*memory); }), &status, 0);
    std::printf("its memory: %s\n", WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "there");
    outcome("detach", shmdt(const_cast<char*>(memory)));
    outcome("queue", mq_send(before, "x", 1, 0));
    outcome("close it", mq_close(before));
    go_on();
    return 0;
}
