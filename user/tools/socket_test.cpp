// AF_UNIX sockets as unix(7) has them: prints what each call gives, the same on Linux and here.
#include "socket_test.hpp"

using namespace socket_test;

namespace {

void streams() {
    std::puts("-- stream");
    Address const here{"stream"};
    int const listener = open_socket(SOCK_STREAM), client = open_socket(SOCK_STREAM);
    say("connect to no name", connect_to(client, here));
    say("listen without a name", listen(listener, 1));
    say("bind", bind_to(listener, here));
    say("bind again", bind_to(listener, Address{"other"}));
    int const second = open_socket(SOCK_STREAM);
    say("bind to a taken name", bind_to(second, here));
    say("connect to one that does not listen", connect_to(client, here));
    say("accept before listen", accept(listener, nullptr, nullptr));
    say("listen", listen(listener, 1));
    struct stat status {};
    stat("stream", &status);
    std::printf("mode %o\n", status.st_mode);
    say("open of a socket", open("stream", O_RDWR));
    int const datagram = open_socket(SOCK_DGRAM);
    say("connect of another type", connect_to(datagram, here));
    say("write before connect", write(client, "x", 1));
    std::printf("events before connect %x\n", events_of(client));
    say("connect", connect_to(client, here));
    say("connect again", connect_to(client, here));
    std::printf("listener's events %x\n", events_of(listener));
    say("write before accept", write(client, "hello", 5));
    print_name("listener", listener, false);
    sockaddr_un from{};
    socklen_t length = sizeof from;
    int const server = accept4(listener, reinterpret_cast<sockaddr*>(&from), &length, SOCK_CLOEXEC | SOCK_NONBLOCK);
    std::printf("accepted %d, address of %u bytes, cloexec %d, nonblock %d\n", server >= 0, length,
                fcntl(server, F_GETFD), (fcntl(server, F_GETFL) & O_NONBLOCK) != 0);
    print_name("server", server, false);
    print_name("server's peer", server, true);
    print_name("client's peer", client, true);
    print_name("listener's peer", listener, true);
    char buffer[100] = {};
    say("peek", recv(server, buffer, 3, MSG_PEEK));
    say("read", read(server, buffer, sizeof buffer));
    std::printf("%s\n", buffer);
    say("nothing to read", read(server, buffer, 1));
    int pending = -1;
    write(client, "12345", 5);
    ioctl(server, FIONREAD, &pending);
    std::printf("FIONREAD %d, events %x\n", pending, events_of(server));
    say("sendto when connected", sendto(client, "x", 1, 0, here.get(), here.length));
    say("recv with MSG_TRUNC", recv(server, buffer, 2, MSG_TRUNC));
    say("recv MSG_WAITALL", recv(server, buffer, 3, MSG_WAITALL));
    // The queue of one that listens.
    int waiting[4];
    for (int& each : waiting) {
        each = open_socket(SOCK_STREAM | SOCK_NONBLOCK);
        say("connect to a queue of 1", connect_to(each, here));
    }
    for (int const each : waiting) { close(each); }
    say("shutdown for writing", shutdown(client, SHUT_WR));
    say("write after it", send(client, "x", 1, MSG_NOSIGNAL));
    say("read at the other end", read(server, buffer, 1));
    std::printf("events %x and %x\n", events_of(server), events_of(client));
    say("the other way", write(server, "back", 4));
    say("shutdown with a wrong number", shutdown(client, 7));
    close(server);
    say("read what came", read(client, buffer, sizeof buffer));
    say("read at the end", read(client, buffer, sizeof buffer));
    std::printf("events at the end %x\n", events_of(client));
    close(listener);
    say("connect after close", connect_to(second, here));
    unlink("stream");
    int pair[2];
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    write(pair[0], "unread", 6);
    close(pair[1]);
    std::printf("events after a reset %x\n", events_of(pair[0]));
    say("read after a reset", read(pair[0], buffer, 1));
    say("and again", read(pair[0], buffer, 1));
    for (int const each : {client, second, datagram, pair[0]}) { close(each); }
}

void datagrams() {
    std::puts("-- datagram");
    Address const here{"datagram"}, back{"sender", true};
    int const receiver = open_socket(SOCK_DGRAM), sender = open_socket(SOCK_DGRAM | SOCK_NONBLOCK);
    say("bind", bind_to(receiver, here));
    say("listen", listen(receiver, 1));
    say("send without a peer", send(sender, "x", 1, 0));
    say("sendto", sendto(sender, "first", 5, 0, here.get(), here.length));
    char buffer[100];
    sockaddr_un from{};
    socklen_t length = sizeof from;
    say("recvfrom", recvfrom(receiver, buffer, sizeof buffer, 0, reinterpret_cast<sockaddr*>(&from), &length));
    std::printf("from %u bytes\n", length);
    say("bind abstract", bind_to(sender, back));
    say("sendto", sendto(sender, "second message", 14, 0, here.get(), here.length));
    say("empty", sendto(sender, "", 0, 0, here.get(), here.length));
    length = sizeof from;
    say("peek with MSG_TRUNC", recv(receiver, buffer, 4, MSG_PEEK | MSG_TRUNC));
    say("recvfrom, cut", recvfrom(receiver, buffer, 6, 0, reinterpret_cast<sockaddr*>(&from), &length));
    std::printf("from %u bytes, @%s\n", length, from.sun_path + 1);
    say("recv empty", recv(receiver, buffer, sizeof buffer, 0));
    say("recv nothing", recv(receiver, buffer, sizeof buffer, MSG_DONTWAIT));
    say("connect", connect_to(sender, here));
    int count = 0;
    while (send(sender, "flood", 5, 0) == 5) { ++count; }
    std::printf("sent %d, then %s; events %x\n", count, strerrorname_np(errno), events_of(sender, POLLOUT));
    recv(receiver, buffer, sizeof buffer, 0);
    std::printf("events with room %x\n", events_of(sender, POLLOUT));
    say("too long", [&] {
        static char large[300000];
        return static_cast<long>(send(sender, large, sizeof large, 0));
    }());
    close(receiver);
    say("send to one that left", send(sender, "x", 1, 0));
    say("and again", send(sender, "x", 1, 0));
    unlink("datagram");
    // Both have a name: answers.
    int const other = open_socket(SOCK_DGRAM);
    say("autobind", bind(other, here.get(), sizeof(sa_family_t)));
    length = sizeof from;
    getsockname(other, reinterpret_cast<sockaddr*>(&from), &length);
    std::printf("autobound to %u bytes\n", length);
    say("connect abstract", connect_to(other, back));
    write(other, "ping", 4);
    length = sizeof from;
    say("recvfrom", recvfrom(sender, buffer, sizeof buffer, 0, reinterpret_cast<sockaddr*>(&from), &length));
    say("answer", sendto(sender, "pong", 4, 0, reinterpret_cast<sockaddr*>(&from), length));
    say("read", read(other, buffer, sizeof buffer));
    int const third = open_socket(SOCK_DGRAM);
    say("send to one that is connected elsewhere",
        sendto(third, "x", 1, 0, reinterpret_cast<sockaddr*>(&from), length));
    sockaddr const none{AF_UNSPEC, {}};
    say("dissolve", connect(other, &none, sizeof none));
    print_name("peer", other, true);
    for (int const each : {sender, other, third}) { close(each); }
}

void packets() {
    std::puts("-- seqpacket");
    int pair[2];
    say("socketpair", socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair));
    iovec parts[3] = {{const_cast<char*>("one "), 4}, {const_cast<char*>(""), 0}, {const_cast<char*>("packet"), 6}};
    msghdr message{};
    message.msg_iov = parts;
    message.msg_iovlen = 3;
    say("sendmsg of parts", sendmsg(pair[0], &message, 0));
    write(pair[0], "second", 6);
    char a[5], b[3];
    iovec room[2] = {{a, sizeof a}, {b, sizeof b}};
    msghdr into{};
    into.msg_iov = room;
    into.msg_iovlen = 2;
    say("recvmsg", recvmsg(pair[1], &into, 0));
    std::printf("%.5s|%.3s, flags %x\n", a, b, static_cast<unsigned>(into.msg_flags));
    say("read", read(pair[1], a, sizeof a));
    close(pair[0]);
    say("read at the end", read(pair[1], a, sizeof a));
    std::signal(SIGPIPE, [](int) { std::puts("SIGPIPE"); });
    say("send to nobody", send(pair[1], "x", 1, 0));
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    close(pair[0]);
    say("a stream's, with the signal", write(pair[1], "x", 1));
    say("and without", send(pair[1], "x", 1, MSG_NOSIGNAL));
}

/// A server in another process, blocking calls on both sides; also through the numbers of their own that i386 has had since 4.3.
void two_processes() {
    std::puts("-- two processes");
    Address const here{"service", true};
    int const listener = static_cast<int>(syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0));
    say("bind", syscall(SYS_bind, listener, here.get(), here.length));
    say("listen", syscall(SYS_listen, listener, 5));
    std::fflush(stdout);
    pid_t const child = fork();
    if (child == 0) {
        int const s = open_socket(SOCK_STREAM);
        connect_to(s, here);
        static char large[1 << 20];
        for (unsigned i = 0; i < sizeof large; ++i) { large[i] = static_cast<char>(i * 7 >> 3); }
        for (unsigned done = 0; done < sizeof large;) {
            long const part = write(s, large + done, sizeof large - done);
            if (part <= 0) { _exit(1); }
            done += static_cast<unsigned>(part);
        }
        shutdown(s, SHUT_WR);
        char answer[32] = {};
        read(s, answer, sizeof answer);
        _exit(std::strcmp(answer, "thanks") == 0 ? 7 : 2);
    }
    int const server = static_cast<int>(syscall(SYS_accept4, listener, nullptr, nullptr, 0));
    ucred peer{};
    socklen_t length = sizeof peer;
    getsockopt(server, SOL_SOCKET, SO_PEERCRED, &peer, &length);
    std::printf("the peer is the child: %d\n", peer.pid == child);
    unsigned total = 0;
    bool same = true;
    static char part[50000];
    for (;;) {
        long const got = read(server, part, sizeof part);
        if (got <= 0) { break; }
        for (long i = 0; i < got; ++i, ++total) { same = same && part[i] == static_cast<char>(total * 7 >> 3); }
    }
    std::printf("received %u, same %d\n", total, same);
    write(server, "thanks", 6);
    int status = 0;
    waitpid(child, &status, 0);
    std::printf("child %d\n", WEXITSTATUS(status));
    close(server);
    close(listener);
}

} // namespace

int main(int count, char** arguments) {
    std::setvbuf(stdout, nullptr, _IOFBF, 65536);
    mkdir("/tmp/socket_test", 0755);
    if (chdir("/tmp/socket_test") != 0) { return 1; }
    umask(022);
    if (count > 1 && std::strcmp(arguments[1], "times") == 0) {
        times();
        network_times();
        return 0;
    }
    streams();
    datagrams();
    packets();
    descriptors();
    credentials();
    two_processes();
    std::puts("done");
    return 0;
}
