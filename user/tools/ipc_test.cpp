// ipc_test: System V shared memory, semaphores and messages and POSIX message queues, between processes. Prints what it sees; the same on Linux.
#include "child.hpp"
#include "queue_signal.hpp"
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <mqueue.h>
#include <sched.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using test_program::in_child;

union SemaphoreArgument {
    int value;
    semid_ds* status;
    unsigned short* values;
};
struct Message {
    long type;
    char text[64];
};

void say(char const* what, long value) { std::printf("%s: %ld\n", what, value); }
void outcome(char const* what, long result) {
    std::printf("%s: %s\n", what, result >= 0 ? "ok" : std::strerror(errno));
}

long attachments(int id) {
    shmid_ds status{};
    return shmctl(id, IPC_STAT, &status) == 0 ? static_cast<long>(status.shm_nattch) : -1;
}

void shared_memory() {
    int const id = shmget(IPC_PRIVATE, 10000, IPC_CREAT | 0600);
    outcome("shmget", id);
    auto* const memory = static_cast<char*>(shmat(id, nullptr, 0));
    std::strcpy(memory + 9000, "from the parent");
    say("attached", attachments(id));
    in_child([&] {
        say("in a child", attachments(id));
        std::printf("child reads: %s\n", memory + 9000);
        std::strcpy(memory, "from the child");
        auto* const again = static_cast<char*>(shmat(id, nullptr, SHM_RDONLY));
        std::printf("read only: %s\n", again);
        say("twice", attachments(id));
        outcome("mprotect of it", mprotect(again, 4096, PROT_READ | PROT_WRITE));
        outcome("shmdt", shmdt(again));
        outcome("shmdt of nothing", shmdt(again));
    });
    std::printf("parent reads: %s\n", memory);
    say("after the child", attachments(id));
    outcome("IPC_RMID", shmctl(id, IPC_RMID, nullptr));
    std::printf("still there: %s\n", memory);
    outcome("shmdt", shmdt(memory));
    outcome("gone", shmctl(id, IPC_RMID, nullptr));
}

void semaphores() {
    int const id = semget(IPC_PRIVATE, 2, IPC_CREAT | 0600);
    outcome("semget", id);
    SemaphoreArgument argument{};
    argument.value = 1;
    outcome("SETVAL", semctl(id, 0, SETVAL, argument));
    in_child([&] {
        sembuf take{0, -1, SEM_UNDO};
        outcome("semop", semop(id, &take, 1));
        say("in the child", semctl(id, 0, GETVAL));
    });
    say("undone at its end", semctl(id, 0, GETVAL));
    pid_t const waiter = fork();
    if (waiter == 0) {
        sembuf wait[] = {{0, -2, 0}, {1, 0, 0}};
        _exit(semop(id, wait, 2) == 0 ? 5 : 1);
    }
    while (semctl(id, 0, GETNCNT) == 0) { usleep(1000); }
    sembuf give{0, 1, 0};
    semop(id, &give, 1);
    int status = 0;
    waitpid(waiter, &status, 0);
    say("the waiter went on", WEXITSTATUS(status));
    timespec soon{0, 20000000};
    sembuf wait{0, -1, 0};
    outcome("semtimedop", semtimedop(id, &wait, 1, &soon));
    pid_t const removed = fork();
    if (removed == 0) { _exit(semop(id, &wait, 1) < 0 && errno == EIDRM ? 6 : 1); }
    while (semctl(id, 0, GETNCNT) == 0) { usleep(1000); }
    semctl(id, 0, IPC_RMID);
    waitpid(removed, &status, 0);
    say("the waiter saw it removed", WEXITSTATUS(status));
}

void messages() {
    int const id = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
    outcome("msgget", id);
    std::fflush(stdout);
    pid_t const receiver = fork();
    if (receiver == 0) {
        Message message{};
        long const bytes = msgrcv(id, &message, sizeof message.text, 2, 0);
        std::printf("received %ld of type %ld: %s\n", bytes, message.type, message.text);
        std::fflush(stdout);
        _exit(0);
    }
    Message other{1, "for nobody"}, message{2, "hello"};
    msgsnd(id, &other, 11, 0);
    msgsnd(id, &message, 6, 0);
    waitpid(receiver, nullptr, 0);
    msqid_ds status{};
    msgctl(id, IPC_STAT, &status);
    say("left", static_cast<long>(status.msg_qnum));
    outcome("none of type 3", msgrcv(id, &message, sizeof message.text, 3, IPC_NOWAIT));
    struct sigaction action {};
    action.sa_handler = [](int) {};
    sigaction(SIGALRM, &action, nullptr);
    alarm(1);
    outcome("interrupted", msgrcv(id, &message, sizeof message.text, 3, 0));
    msgctl(id, IPC_RMID, nullptr);
}

void queues() {
    mq_attr attributes{};
    attributes.mq_maxmsg = 2;
    attributes.mq_msgsize = 32;
    mqd_t const queue = mq_open("/ipc_test", O_CREAT | O_EXCL | O_RDWR, 0600, &attributes);
    outcome("mq_open", queue);
    outcome("again", mq_open("/ipc_test", O_CREAT | O_EXCL | O_RDWR, 0600, &attributes));
    mq_send(queue, "low", 4, 1);
    mq_send(queue, "high", 5, 9);
    char text[32];
    unsigned priority = 0;
    mq_receive(queue, text, sizeof text, &priority);
    std::printf("priority %u: %s\n", priority, text);
    in_child([&] {
        mqd_t const mine = mq_open("/ipc_test", O_RDWR);
        char here[32];
        mq_receive(mine, here, sizeof here, nullptr);
        std::printf("the child has: %s\n", here);
    });
    timespec past{1, 0};
    outcome("empty", mq_timedreceive(queue, text, sizeof text, nullptr, &past));
    // SIGUSR1 is blocked, and waited for.
    sigset_t set;
    outcome("mq_notify", test_program::ask_for_signal(queue, 42, set));
    in_child([&] {
        sigevent none{};
        none.sigev_notify = SIGEV_NONE;
        outcome("two of them", mq_notify(queue, &none));
        mqd_t const mine = mq_open("/ipc_test", O_WRONLY);
        mq_send(mine, "wake", 4, 0);
    });
    siginfo_t told{};
    timespec const second{1, 0};
    say("told", sigtimedwait(&set, &told, &second));
    std::printf("by SI_MESGQ: %d, value %d\n", told.si_code == SI_MESGQ, told.si_value.sival_int);
    mq_send(queue, "more", 4, 0);
    timespec const moment{0, 100'000'000};
    outcome("told once", sigtimedwait(&set, &told, &moment));
    outcome("mq_unlink", mq_unlink("/ipc_test"));
    outcome("gone", mq_open("/ipc_test", O_RDWR));
    mode_t const before = umask(027);
    mqd_t const masked = mq_open("/ipc_test", O_CREAT | O_RDWR, 0666, nullptr);
    struct stat status {};
    fstat(masked, &status);
    std::printf("mode under the umask: %o\n", static_cast<unsigned>(status.st_mode & 0777));
    mq_close(masked);
    mq_unlink("/ipc_test");
    umask(before);
}

} // namespace

int main() {
    shared_memory();
    semaphores();
    messages();
    queues();
    if (unshare(CLONE_NEWIPC) == 0) { say("first id in a new namespace", shmget(IPC_PRIVATE, 1, IPC_CREAT | 0600)); }
}
