// The first process of the root container: runs the job it is given, or a shell on the console again and again, and reaps orphans
// meanwhile (pid_namespaces(7): PID 1 adopts them). Ends with the job's status.
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

int run(char* const* command, bool console) {
    pid_t const child = fork();
    if (child == 0) {
        if (console) {
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

} // namespace

int main(int count, char** words) {
    if (chdir("/root") != 0) { std::perror("/root"); }
    if (count > 1) { return run(words + 1, false); }
    char shell[] = "/bin/sh", login[] = "-l";
    char* const command[] = {shell, login, nullptr};
    for (;;) { run(command, true); }
}
