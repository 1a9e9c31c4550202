// Fake kernel objects of the loopback: enough of their behaviour for the unit tests of servers, with the ABI's error codes.
#pragma once
#include "../ipc/server.hpp"
#include "../ipc/sys.hpp"
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace ipc::host {

enum class Kind {
    Untyped,
    CNode,
    Thread,
    Endpoint,
    Notification,
    Reply,
    SchedContext,
    AddressSpace,
    PageTable,
    Frame,
    IrqHandler,
    IoPorts,
    IrqControl,
    IoPortControl,
    SchedControl,
    Debug
};

struct HostObject {
    explicit HostObject(Kind kind_) : kind{kind_} {}
    virtual ~HostObject() = default;
    Kind const kind;
};
using ObjectPointer = std::shared_ptr<HostObject>;
using NodeId = std::uint64_t;

struct HostEndpoint;
/// Shared by a watched capability and all its descendants.
struct Watch {
    std::weak_ptr<HostEndpoint> endpoint;
    std::uint32_t descendants = 0;
    bool dead = false;
    bool forgotten = false;
};

struct Capability {
    ObjectPointer object;
    Word badge = 0;
    Word rights = abi::right::all;
    NodeId node = 0; ///< its place in the derivation tree
    std::shared_ptr<Watch> watch;
    bool is_watched = false; ///< the watched capability itself
};

struct HostCNode : HostObject {
    explicit HostCNode(Word bits) : HostObject{Kind::CNode}, size{Word{1} << bits} {}
    ~HostCNode() override;
    Word size;
    std::map<Word, Capability> slots;
};

struct HostNotification : HostObject {
    HostNotification() : HostObject{Kind::Notification} {}
    Word word = 0;
};

/// One Call from its start to its answer, wherever it is forwarded meanwhile.
struct CallRecord {
    BulkPointers bulk;
    Word read_length = 0, write_length = 0;
    Word buffer_flags = 0;
    bool answered = false;
    abi::MessageInfo info;
    std::array<Word, abi::message_words> words{};
    std::shared_ptr<HostCNode> capabilities =
        std::make_shared<HostCNode>(2); ///< of the answer, slots 1..3 as they were attached
};

struct HostServer {
    Runtime runtime;
    bool busy = false;
    std::function<Disposition(Sender&, Received const&)> deliver;
    std::function<void(Word)> deliver_signal;
};
struct HostEndpoint : HostObject {
    HostEndpoint() : HostObject{Kind::Endpoint} {}
    HostServer* server = nullptr;
    std::shared_ptr<HostNotification> no_senders;
    Word no_senders_badge = 0;
    /// Dead watched capabilities, oldest first.
    std::deque<NodeId> dead;
};

struct HostReply : HostObject {
    HostReply() : HostObject{Kind::Reply} {}
    std::shared_ptr<CallRecord> caller;
};

struct HostUntyped : HostObject {
    HostUntyped(Word bits, Word physical_) : HostObject{Kind::Untyped}, size_bits{bits}, physical{physical_} {}
    Word size_bits, physical;
    std::uint64_t watermark = 0;
};

struct HostFrame : HostObject {
    explicit HostFrame(std::uint32_t page_count);
    ~HostFrame() override;
    std::uint32_t pages;
    std::uint32_t first; ///< page of the memory file: stands for the physical address as well
    [[nodiscard]] std::byte* memory() const;
};

struct HostAddressSpace : HostObject {
    HostAddressSpace() : HostObject{Kind::AddressSpace} {}
    ~HostAddressSpace() override;
    struct Mapping {
        std::shared_ptr<HostFrame> frame;
        Word frame_page;
        Word rights;
        NodeId node;
    };
    std::map<Word, Mapping> pages;                    ///< by page number
    std::map<Word, std::weak_ptr<HostObject>> tables; ///< by 4 MiB number
    bool is_own = false;                              ///< the tests' own: mappings are real
};

struct HostThread : HostObject {
    HostThread() : HostObject{Kind::Thread} {}
    ObjectPointer cspace, space, ipc_frame;
    Word guard = 0;
    abi::Address ipc_buffer = 0, redirect = 0;
    Capability fault_handler;
    Word priority = 0;
    abi::Registers registers{};
    abi::ThreadState state = abi::ThreadState::Inactive;
    ObjectPointer bound_notification;
    std::array<std::array<Word, 3>, 3> tls{};
    std::string name;
    Word interrupts = 0; ///< times ThreadInterrupt was invoked
};

struct HostPlain : HostObject {
    using HostObject::HostObject;
    ObjectPointer bound; ///< notification of an IrqHandler, thread of a SchedContext
};

// --- memory.cpp ------------------------------------------------------------------------------------------------------
/// Memory of all frames: pages of one file, so that the same page can be mapped at several addresses.
std::uint32_t allocate_pages(std::uint32_t count);
void free_pages(std::uint32_t first, std::uint32_t count);
std::byte* page_memory(std::uint32_t page);
/// Maps a page at a 32-bit address of this process.
void map_here(abi::Address address, std::uint32_t page, Word rights);
void unmap_here(abi::Address address);

} // namespace ipc::host
