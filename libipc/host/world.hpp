// The loopback: servers and their clients in one host process, without a kernel.
//
//     ipc::host::World world;                                   // one per test; everything starts empty
//     UtsServer server;
//     auto uts = world.serve<proto::Uts, proto::Namespace>(server);
//     auto session = world.client<proto::Uts>(uts, badge);      // a capability with that badge
//     auto name = ipc::call<proto::Uts::Hostname>(session);     // through the very codec and dispatch of the guest
//
// There is one CSpace for all. A call whose answer is deferred returns Error::Deferred to the client; world.deferred() then says
// what became of it. Signals are delivered by world.pump(). A server called while it handles a message would deadlock in
// the guest: the test is aborted.
#pragma once
#include "objects.hpp"

namespace ipc::host {

/// A call that was not answered at once.
class DeferredCall {
public:
    explicit DeferredCall(std::shared_ptr<CallRecord> record) : record_{std::move(record)} {}
    [[nodiscard]] bool answered() const { return record_ != nullptr && record_->answered; }
    /// The answer (once answered): its capabilities are then in slots of the caller's.
    template <class M>
    Result<typename M::Reply> result() const;

private:
    std::shared_ptr<CallRecord> record_;
};

class World {
public:
    World();
    ~World();
    World(World const&) = delete;
    World& operator=(World const&) = delete;

    /// Makes a server reachable; the first one has its endpoint and notification in server_slot's places. The result is its number.
    template <class... Protocols, class Server>
    std::size_t serve(Server& server) {
        std::size_t const number = add_server();
        HostServer& host = *servers_[number];
        host.deliver = [&server](Sender& sender, Received const& received) {
            return detail::deliver_message<Protocols...>(server, sender, received);
        };
        host.deliver_signal = [&server](Word bits) { detail::deliver_signal(server, bits); };
        return number;
    }
    /// A new capability for that server with that badge, not watched (as root gives to other servers).
    template <class P>
    Cap<P> client(std::size_t server, Word badge) {
        return Cap<P>{mint_client(server, badge)};
    }
    /// Runs `work` as that server would outside of a message (its start-up, say): own endpoint, notification and runtime.
    void as(std::size_t server, std::function<void()> const& work);
    /// Delivers signals to servers until none is left.
    void pump();
    /// Signals that server's notification.
    void signal_server(std::size_t server, Word bits);
    [[nodiscard]] Word notification_word(CapabilityPointer notification) const;

    /// The call that last came back with Error::Deferred.
    [[nodiscard]] DeferredCall deferred() const { return DeferredCall{last_deferred_}; }
    /// The caller of the deferred call goes away (interrupted, killed).
    void abandon_deferred();

    // What lies in a slot, for checks.
    [[nodiscard]] Capability const* capability(CapabilityPointer slot) const;
    template <class T>
    [[nodiscard]] std::shared_ptr<T> object(CapabilityPointer slot) const {
        Capability const* const found = capability(slot);
        return found != nullptr ? std::dynamic_pointer_cast<T>(found->object) : nullptr;
    }
    [[nodiscard]] std::size_t capability_count() const { return own_->slots.size(); }
    [[nodiscard]] std::byte* frame_memory(CapabilityPointer frame) const { return object<HostFrame>(frame)->memory(); }
    /// A new object in a slot of its own.
    CapabilityPointer add(ObjectPointer object, Word badge = 0);

    /// The capability's place in the derivation tree ends; its children become its parent's.
    void dropped(Capability const& capability);
    void remove_node(NodeId node);

    // For sys.hpp's seam.
    void system_call(SystemCall& call);
    void bulk(CapabilityPointer reply, abi::Invocation invocation, Word offset, void* local, Word count, Word& copied,
              Word& caller_fault);
    struct Context {
        abi::IpcBuffer buffer;
        Word reserve[(abi::ipc_buffer_end - sizeof(abi::IpcBuffer)) / sizeof(Word)]; ///< last_reply_word() is there
        BulkPointers bulk;
        HostServer* server;
    };
    Context& context() { return *context_; }

private:
    friend class DeferredCall;
    struct Node {
        NodeId parent = 0;
        HostCNode* cnode = nullptr;
        Word slot = 0;
        HostAddressSpace* space = nullptr;
        Word page = 0;
    };

    std::size_t add_server();
    CapabilityPointer mint_client(std::size_t server, Word badge);

    // IPC (loopback.cpp)
    void call_endpoint(SystemCall& call, Capability const& target);
    void deliver(HostEndpoint& endpoint, Word badge, abi::MessageInfo info, std::span<Word const> words,
                 std::span<CapabilityPointer const> capabilities, std::shared_ptr<CallRecord> const& record);
    void answer(HostReply& reply, abi::MessageInfo info, Word word0, Word word1);
    /// Puts an answer into `buffer`; capabilities go to `window`, window + 1, ..., or to slots of their own if it is 0.
    abi::MessageInfo place_answer(CallRecord& record, abi::IpcBuffer& buffer, CapabilityPointer window);
    void signal(Capability const& notification);
    void enter(HostServer* server, std::function<void()> const& work);

    // Kernel objects (invocations.cpp)
    abi::Error invoke(abi::Invocation invocation, Capability& target, SystemCall& call, Word& result_length);
    abi::Error invoke_cnode(abi::Invocation invocation, Capability& target, Word& result_length);
    abi::Error invoke_thread(abi::Invocation invocation, HostThread& thread, Word& result_length);
    abi::Error invoke_space(abi::Invocation invocation, Capability& target, Word& result_length);
    abi::Error retype(Capability& untyped);
    abi::Error forward(HostReply& reply);
    abi::Error map_frame(Capability& frame);
    Capability* extra(Word index);
    Word& word(Word index) { return context_->buffer.message[index]; }

    // CSpaces and derivation
    Capability* find(HostCNode& cnode, Word slot);
    Capability& insert(HostCNode& cnode, Word slot, Capability capability, NodeId parent);
    /// Derived from `source`, which may be refused.
    abi::Error derive(HostCNode& cnode, Word slot, Capability const& source, Word rights = abi::right::all);
    void remove(HostCNode& cnode, Word slot);
    void move(HostCNode& to, Word to_slot, HostCNode& from, Word from_slot);
    void revoke(NodeId ancestor);
    [[nodiscard]] bool has_children(NodeId node) const;
    void remove_mapping(HostAddressSpace& space, Word page);
    ObjectPointer make(abi::ObjectType type, Word size_bits, Word physical);

    std::shared_ptr<HostCNode> own_;
    std::vector<std::unique_ptr<HostServer>> servers_;
    std::vector<std::shared_ptr<HostNotification>> notifications_;
    std::map<NodeId, Node> nodes_;
    NodeId next_node_ = 1;
    Context client_{};
    Context* context_ = nullptr;
    std::shared_ptr<CallRecord> last_deferred_;
    std::vector<Word> slot_words_;
};

/// The World that exists; a test has one.
World& world();
bool world_exists();

template <class M>
Result<typename M::Reply> DeferredCall::result() const {
    abi::IpcBuffer answer{};
    abi::MessageInfo const info = world().place_answer(*record_, answer, 0);
    if (info.label() != 0) { return fail(static_cast<Error>(info.label())); }
    Reader reader{info, answer};
    typename M::Reply reply;
    Codec<typename M::Reply>::get(reader, reply);
    if (!reader.complete()) { return fail(Error::BadMessage); }
    return reply;
}

} // namespace ipc::host
