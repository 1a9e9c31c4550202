// A pipe: 64 KiB of bytes between writers and readers. FIFOs and each direction of a socket pair are pipes, too.
#pragma once
#include "byte_ring.hpp"
#include <deque>
#include <vector>

namespace vfs {

class OpenFile;

class Pipe : public Counted {
public:
    using Ring = ByteRing<16>;
    static constexpr std::uint32_t capacity = Ring::capacity, atomic = 4096;

    Pipe(PageStore& store, Port& port, Ref<QuotaDomain> domain) : port_{port}, ring_{store, std::move(domain)} {}
    Pipe(Pipe const&) = delete;
    Pipe& operator=(Pipe const&) = delete;
    ~Pipe();
    void unreferenced() { delete this; }

    /// Errors: Deferred, Again (nonblock).
    Result<Transfer> read(Caller& caller, std::uint32_t length, bool nonblock);
    /// Errors: BrokenPipe, Deferred, Again (nonblock). Up to `atomic` bytes go whole or not at all.
    Result<Transfer> write(Caller& caller, std::uint32_t length, bool nonblock);

    /// `file` is one end (or both). Tells those who wait for the other end to be opened.
    void attach(OpenFile* file, bool reads, bool writes);
    void detach(OpenFile* file, bool reads, bool writes);
    /// Opening a FIFO waits for the other end: answered with `opened` when it comes.
    void wait_for_open(Waiter waiter, Opened opened, bool for_reader, Badge badge);
    /// Badges of openers that gave up since; the caller closes them.
    std::vector<Badge> take_abandoned();

    [[nodiscard]] std::uint32_t available() const { return ring_.used(); }
    [[nodiscard]] std::uint32_t readers() const { return readers_; }
    [[nodiscard]] std::uint32_t writers() const { return writers_; }
    [[nodiscard]] std::uint32_t poll_reader() const;
    [[nodiscard]] std::uint32_t poll_writer() const;

private:
    struct Waiting {
        Waiter waiter;
        std::uint32_t length, done;
    };
    struct Opening {
        Waiter waiter;
        Opened opened;
        bool for_reader;
        Badge badge;
    };
    /// Straight to those who wait for data. Returns what went.
    Transfer hand_over(Caller& caller, std::uint32_t length);
    void take_from_writers();
    void purge(std::deque<Waiting>& queue);
    void tell_readers();
    void tell_writers();

    Port& port_;
    Ring ring_;
    std::uint32_t readers_ = 0, writers_ = 0;
    std::deque<Waiting> reading_, writing_;
    std::vector<Opening> opening_;
    std::vector<OpenFile*> files_;
    std::vector<Badge> abandoned_;
};

} // namespace vfs
