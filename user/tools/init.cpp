// The first process of the root container: runs the job it is given, or a shell on the console again and again, and reaps orphans
// meanwhile (pid_namespaces(7): PID 1 adopts them). Ends with the job's status. Before that it asks for an address, if there is a card.
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

/// Whether the network namespace has that device. /proc/net/dev says so without a socket, for which a network stack would be started.
bool has_device(char const* name) {
    int const file = open("/proc/net/dev", O_RDONLY);
    if (file < 0) { return false; }
    char text[1024];
    ssize_t const length = read(file, text, sizeof text - 1);
    close(file);
    text[length > 0 ? length : 0] = '\0';
    return std::strstr(text, name) != nullptr;
}

void be_silent() {
    int const null = open("/dev/null", O_RDWR);
    for (int descriptor = 0; descriptor < 3; ++descriptor) { dup2(null, descriptor); }
    if (null > 2) { close(null); }
}

enum class Kind { Job, Console, Silent };

int run(char* const* command, Kind kind) {
    pid_t const child = fork();
    if (child == 0) {
        if (kind == Kind::Silent) { be_silent(); }
        if (kind == Kind::Console) {
            setsid();
            ioctl(0, TIOCSCTTY, 1);
        }
        execvp(command[0], command);
        int const error = errno;
        std::perror(command[0]);
        _exit(error == ENOENT || error == ENOTDIR ? 127 : 126);
    }
    if (child < 0) {
        std::perror("init: fork");
        return 125;
    }
    for (;;) {
        int status = 0;
        pid_t const ended = wait(&status);
        if (ended == child) { return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status); }
        if (ended < 0 && errno == ECHILD) { return 125; }
    }
}

/// An address for the card by DHCP: at most two seconds, and a network without a server is no reason not to go on.
void ask_for_address() {
    if (!has_device("eth0:")) { return; }
    char program[] = "udhcpc", interface[] = "-ieth0", once[] = "-nqf", tries[] = "-t2", pause[] = "-T1";
    char* const command[] = {program, interface, once, tries, pause, nullptr};
    static_cast<void>(run(command, Kind::Silent));
}

} // namespace

int main(int count, char** words) {
    if (chdir("/root") != 0) { std::perror("/root"); }
    ask_for_address();
    if (count > 1) { return run(words + 1, Kind::Job); }
    char shell[] = "/bin/sh", login[] = "-l";
    char* const command[] = {shell, login, nullptr};
    for (;;) { run(command, Kind::Console); }
}
