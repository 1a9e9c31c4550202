// One AF_UNIX socket (unix(7)): its messages, who waits at it, its peer. Names and permissions are local_socket_operations.cpp's.
#pragma once
#include "byte_ring.hpp"
#include "fifo.hpp"
#include "inode.hpp"
#include "parcel.hpp"
#include "proto/local_socket.hpp"
#include "proto/socket_time.hpp"
#include "special_file.hpp"
#include "timer_queue.hpp"
#include "user_namespace.hpp"
#include <string>

namespace vfs {

class LocalSocket;

/// Who sent something; ids are global.
struct Identity {
    std::uint32_t process = 0, user = 0xffffffff, group = 0xffffffff;
    bool operator==(Identity const&) const = default;
};

/// A send but for its bytes.
struct Outgoing {
    std::uint32_t length = 0;
    bool nonblock = false;
    Ref<Parcel> parcel;
    Identity who;
    bool shown = false; ///< the sender showed who it is: `who` is told to readers that ask
};

/// A receive's outcome.
struct Incoming {
    Transfer transfer{};
    std::uint32_t length = 0, flags = 0;
    std::string from; ///< the sender's address
    Ref<Parcel> parcel;
    Slot parcel_slot = 0; ///< capability for it, to be deleted after the reply
    Identity who;
    bool wants_identity = false;         ///< SO_PASSCRED is set
    Credentials const* reader = nullptr; ///< whose ids `who` is shown in
};

class LocalSocket final : public SpecialFile, public Timed {
public:
    enum class Type : std::uint8_t { Stream = 1, Datagram = 2, SequencedPacket = 5 };
    enum class State : std::uint8_t { Unconnected, Listening, Connected };
    /// As many bytes as net.core.wmem_default and rmem_default of Linux.
    using Ring = ByteRing<52>;
    /// Messages in one queue; datagrams from those who are not its peer (net.unix.max_dgram_qlen and one).
    static constexpr std::uint32_t message_maximum = 278, stranger_maximum = 11;

    /// What it needs beyond its own state.
    class Host : public FileKeeper {
    public:
        virtual PageStore& pages() = 0;
        virtual Port& port() = 0;
        virtual TimerQueue& timers() = 0;
        /// A capability for the parcel, to be deleted after the reply. 0: there is no room.
        virtual Slot hand_out(Ref<Parcel> const& parcel) = 0;
        virtual void unname(LocalSocket& socket) = 0;
        virtual void socket_made(LocalSocket& socket) = 0;
        virtual void socket_ended(LocalSocket& socket) = 0;

    protected:
        ~Host() = default;
    };
    /// How a waiting receive is answered.
    enum class Style : std::uint8_t { Plain, Datagram, Message };
    struct Accepter {
        Waiter waiter;
        std::uint32_t flags;
        std::uint64_t deadline;
    };
    struct Connecter {
        Waiter waiter;
        Ref<LocalSocket> client;
        Identity who;
        std::uint64_t deadline;
    };

    LocalSocket(Host& host, Type type, Ref<QuotaDomain> domain);
    ~LocalSocket() override;

    // --- SpecialFile ---
    Result<Transfer> read(Caller& caller, bool nonblock) override;
    Result<Transfer> write(Caller& caller, bool nonblock) override;
    [[nodiscard]] std::uint32_t poll() const override;
    [[nodiscard]] proto::FileKind protocol_kind() const override { return proto::FileKind::LocalSocket; }
    Result<std::uint32_t> control(std::uint32_t request, Caller& caller) override;
    void closed() override;

    // --- Timed: the first call that waits here has waited as long as SO_RCVTIMEO or SO_SNDTIMEO allow ---
    [[nodiscard]] std::uint64_t deadline() const override { return deadline_; }
    void expire(std::uint64_t now) override;
    /// A call is about to wait here, for so many nanoseconds at the most (proto::SocketTimes); when that is over.
    std::uint64_t wait_begins(std::uint64_t time);

    /// To `to` (null: its peer). Errors as sendmsg(2); Elsewhere: a reader asks who sends, and `message` does not show it.
    Result<Transfer> send(Caller& caller, Outgoing message, LocalSocket* to);
    /// Errors as recvmsg(2), Deferred. flags: MSG_*.
    Result<Incoming> receive(Caller& caller, std::uint32_t length, std::uint32_t flags, bool nonblock, Style style);
    Error shutdown(std::uint32_t how);
    /// The two become each other's peers, connected.
    static void join(LocalSocket& one, LocalSocket& other);
    /// A datagram socket's peer; null: none.
    void set_peer(LocalSocket* other);
    [[nodiscard]] bool is_stream() const { return type == Type::Stream; }
    [[nodiscard]] bool is_packet() const { return type != Type::Stream; }
    [[nodiscard]] bool connects() const { return type != Type::Datagram; }
    [[nodiscard]] LocalSocket* peer() const { return peer_; }
    [[nodiscard]] bool backlog_full() const { return backlog.size() > backlog_maximum; }
    /// What it has received and not read, for the collection of unreachable sockets.
    template <class Visit>
    void each_parcel(Visit visit) {
        for (std::size_t i = 0; i < messages_.size(); ++i) {
            if (messages_[i].parcel) { visit(*messages_[i].parcel); }
        }
    }
    void drop_messages();
    Error take_error() { return std::exchange(error_, Error::None); }
    /// Readiness for whoever polls its open file.
    void announce(std::uint32_t events) { tell(host_.port(), events); }

    Type const type;
    State state = State::Unconnected;
    std::string name, peer_name;     ///< addresses as getsockname and getpeername give them; empty: none
    Ref<Inode> inode;                ///< bound to a path
    std::uint32_t home = 0;          ///< network namespace it was made in
    std::uint32_t network = 0;       ///< of an abstract name: its network namespace
    Identity credentials;            ///< of who connected or listens
    Identity peer_credentials;       ///< SO_PEERCRED
    bool passes_credentials = false; ///< SO_PASSCRED
    proto::SocketTimes times;        ///< SO_RCVTIMEO, SO_SNDTIMEO
    LocalSocket *next = nullptr, *previous = nullptr; ///< all there are, for Host
    bool marked = false;                              ///< seen by the collection of unreachable sockets
    std::uint32_t backlog_maximum = 0;
    Fifo<Ref<LocalSocket>> backlog; ///< of a listener: connections to be accepted
    Fifo<Accepter> accepters;
    Fifo<Connecter> connecters;

private:
    struct Message {
        std::uint32_t length; ///< bytes of it still in the ring
        bool shown;
        Identity who;
        Ref<Parcel> parcel;
        std::string from;
    };
    struct Reader {
        Waiter waiter;
        std::uint32_t length, done, flags;
        Style style;
        std::uint64_t deadline;
    };
    struct Writer {
        Waiter waiter;
        Ref<LocalSocket> from;
        Outgoing message;
        std::uint32_t done;
        std::uint64_t deadline;
    };

    /// Only a stream's end raises SIGPIPE.
    [[nodiscard]] Error broken_pipe() const { return is_stream() ? Error::BrokenPipe : Error::QuietBrokenPipe; }
    [[nodiscard]] bool receives() const { return (shut_ & 1) == 0; }
    [[nodiscard]] bool writable() const;
    /// There is room for (the next part of) that message of `from`'s.
    [[nodiscard]] bool admits(LocalSocket const& from, std::uint32_t rest) const;
    /// Takes bytes in as a message of `from`'s; `done` are in already. A packet comes in whole or not at all.
    template <class CopyIn>
    Transfer admit(LocalSocket& from, Outgoing& message, std::uint32_t done, CopyIn copy_in);
    /// Gives bytes out; there are messages.
    template <class CopyOut>
    Incoming give(std::uint32_t length, std::uint32_t flags, std::uint32_t done, CopyOut copy_out);
    template <class CopyOut>
    Incoming give_stream(std::uint32_t length, bool peek, CopyOut copy_out);
    void serve_readers();
    void serve_writers();
    /// After messages left: room for writers.
    void drained();
    /// Nothing more will come: those who wait for something to read hear it.
    void end_readers();
    void end_writers(Error error);
    void finish(Reader const& reader, Result<Incoming> result);
    /// What a receive finds when there is no message. None: nothing, it waits.
    Result<Incoming> ended(bool& known);

    Host& host_;
    Ring ring_;
    Fifo<Message> messages_;
    Fifo<Reader> readers_;
    Fifo<Writer> writers_; ///< they wait for room in this one's queue
    LocalSocket* peer_ = nullptr;
    std::vector<LocalSocket*> senders_; ///< sockets whose peer this one is
    std::uint8_t shut_ = 0;             ///< bit 0 receiving, bit 1 sending
    Error error_ = Error::None;
    std::uint64_t deadline_ = proto::SocketTimes::for_ever; ///< not later than any call's; in the queue if it is a time
    bool closed_ = false;
    bool peer_left_ = false; ///< a datagram socket's peer is gone
};

} // namespace vfs
