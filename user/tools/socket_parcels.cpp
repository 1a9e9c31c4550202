// socket_test: descriptors and credentials in messages.
#include "socket_test.hpp"

namespace socket_test {

namespace {
union Control {
    char bytes[256];
    cmsghdr align;
};

long send_descriptors(int s, int const* descriptors, int count, char const* text) {
    Control control{};
    iovec part{const_cast<char*>(text), std::strlen(text)};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.bytes;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * static_cast<unsigned>(count));
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * static_cast<unsigned>(count));
    std::memcpy(CMSG_DATA(header), descriptors, sizeof(int) * static_cast<unsigned>(count));
    return sendmsg(s, &message, 0);
}

/// Descriptors that came; prints the rest.
int receive(int s, int* descriptors, unsigned control_room = sizeof(Control), int flags = 0, unsigned room = 64) {
    Control control{};
    char text[64] = {};
    iovec part{text, room};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.bytes;
    message.msg_controllen = control_room;
    long const got = recvmsg(s, &message, flags);
    if (got < 0) {
        say("recvmsg", got);
        return 0;
    }
    int count = 0;
    std::printf("got %ld '%.*s' flags %x", got, static_cast<int>(got), text, static_cast<unsigned>(message.msg_flags));
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_type == SCM_RIGHTS) {
            count = static_cast<int>((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
            std::memcpy(descriptors, CMSG_DATA(header), sizeof(int) * static_cast<unsigned>(count));
            std::printf(", %d descriptors", count);
        } else if (header->cmsg_type == SCM_CREDENTIALS) {
            ucred who{};
            std::memcpy(&who, CMSG_DATA(header), sizeof who);
            std::printf(", credentials %s %d %d",
                        who.pid == 0          ? "none"
                        : who.pid == getpid() ? "self"
                                              : "other",
                        static_cast<int>(who.uid), static_cast<int>(who.gid));
        }
    }
    std::puts("");
    return count;
}
} // namespace

void descriptors() {
    std::puts("-- descriptors");
    int pair[2], got[16];
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    int ends[2];
    pipe(ends);
    int const file = open("passed", O_CREAT | O_RDWR, 0600);
    write(file, "content", 7);
    int const others[4] = {ends[0], file, open("/dev/null", O_RDWR), open("/proc/self/comm", O_RDONLY)};
    say("send 4", send_descriptors(pair[0], others, 4, "four"));
    for (int const each : others) { close(each); }
    int const count = receive(pair[1], got);
    write(ends[1], "piped", 5);
    char buffer[32] = {};
    if (count == 4) {
        say("read the pipe", read(got[0], buffer, sizeof buffer));
        say("the file goes on where it was", lseek(got[1], 0, SEEK_CUR));
        say("read it", pread(got[1], buffer, sizeof buffer, 0));
        say("null", write(got[2], "x", 1));
        say("comm", read(got[3], buffer, sizeof buffer));
    }
    for (int i = 0; i < count; ++i) { close(got[i]); }
    close(ends[1]);
    unlink("passed");
    // What comes with the first byte stays with it.
    pipe(ends);
    write(pair[0], "before", 6);
    send_descriptors(pair[0], ends, 1, "with");
    write(pair[0], "after", 5);
    receive(pair[1], got);
    receive(pair[1], got);
    send_descriptors(pair[0], ends, 2, "abcd");
    receive(pair[1], got, sizeof(Control), MSG_CMSG_CLOEXEC, 2);
    std::printf("cloexec %d\n", fcntl(got[0], F_GETFD));
    receive(pair[1], got);
    send_descriptors(pair[0], ends, 2, "small room");
    receive(pair[1], got, CMSG_LEN(sizeof(int)));
    send_descriptors(pair[0], ends, 2, "no room");
    receive(pair[1], got, 0);
    int const wrong[1] = {99};
    say("send what is not open", send_descriptors(pair[0], wrong, 1, "x"));
    // Dropped on the way: the last writer of a pipe goes with the message.
    send_descriptors(pair[0], ends + 1, 1, "x");
    close(ends[1]);
    for (int descriptor = 10; descriptor < 40; ++descriptor) { close(descriptor); }
    for (int descriptor = 3; descriptor < 10; ++descriptor) {
        if (descriptor != pair[0] && descriptor != pair[1] && descriptor != ends[0]) { close(descriptor); }
    }
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    say("read while it is on its way", read(ends[0], buffer, 1));
    close(pair[1]);
    say("read after the socket went", read(ends[0], buffer, 1));
    close(pair[0]);
    // Sockets that name each other and that nobody else names are gone.
    pipe(ends);
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    send_descriptors(pair[0], ends + 1, 1, "x");
    send_descriptors(pair[0], pair + 1, 1, "x");
    send_descriptors(pair[1], pair, 1, "x");
    for (int const each : {pair[0], pair[1], ends[1]}) { close(each); }
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    int tries = 0;
    while (read(ends[0], buffer, 1) < 0 && ++tries < 50) {
        close(open_socket(SOCK_STREAM)); // Linux looks for such rings when a socket is closed
        usleep(20000);
    }
    std::printf("a ring of sockets ends: %d\n", tries < 50);
    close(ends[0]);
}

void credentials() {
    std::puts("-- credentials");
    int pair[2], got[4];
    socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
    ucred peer{};
    socklen_t length = sizeof peer;
    say("SO_PEERCRED", getsockopt(pair[0], SOL_SOCKET, SO_PEERCRED, &peer, &length));
    std::printf("self %d, %d %d\n", peer.pid == getpid(), static_cast<int>(peer.uid), static_cast<int>(peer.gid));
    write(pair[0], "early", 5);
    int on = 1;
    say("SO_PASSCRED", setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on));
    receive(pair[1], got);
    write(pair[0], "written", 7);
    receive(pair[1], got);
    std::fflush(stdout);
    if (fork() == 0) {
        write(pair[0], "child", 5);
        _exit(0);
    }
    wait(nullptr);
    receive(pair[1], got);
    Control control{};
    iovec part{const_cast<char*>("claimed"), 7};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.bytes;
    message.msg_controllen = CMSG_SPACE(sizeof(ucred));
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_CREDENTIALS;
    header->cmsg_len = CMSG_LEN(sizeof(ucred));
    ucred const claim{getpid(), 12, 34};
    std::memcpy(CMSG_DATA(header), &claim, sizeof claim);
    say("root claims", sendmsg(pair[0], &message, 0));
    receive(pair[1], got);
    std::fflush(stdout);
    if (fork() == 0) {
        setgid(1000);
        setuid(1000);
        say("another claims", sendmsg(pair[0], &message, 0));
        int const mine = open_socket(SOCK_STREAM);
        say("connects without permission", connect_to(mine, Address{"guarded"}));
        std::fflush(stdout);
        _exit(0);
    }
    wait(nullptr);
    int const listener = open_socket(SOCK_STREAM);
    bind_to(listener, Address{"guarded"});
    chmod("guarded", 0700);
    listen(listener, 2);
    if (fork() == 0) {
        setgid(1000);
        setuid(1000);
        int const mine = open_socket(SOCK_STREAM);
        say("connects without permission", connect_to(mine, Address{"guarded"}));
        std::fflush(stdout);
        _exit(0);
    }
    wait(nullptr);
    unlink("guarded");
    for (int const each : {pair[0], pair[1], listener}) { close(each); }
}

} // namespace socket_test
