#include "../ipc/log.hpp"
#include "world.hpp"
#include <cstdio>
#include <cstdlib>

namespace ipc {

void write_log(std::string_view line) {
    static bool const wanted = std::getenv("CELLA_LOG") != nullptr;
    if (wanted) { std::fwrite(line.data(), 1, line.size(), stderr); }
}

void stop(std::string_view why) {
    std::fprintf(stderr, "server stopped: %.*s\n", static_cast<int>(why.size()), why.data());
    std::abort();
}

Runtime& runtime() {
    static Runtime outside; // client code in a test
    host::HostServer* const server = host::world().context().server;
    return server != nullptr ? server->runtime : outside;
}

} // namespace ipc

namespace ipc::host {

namespace {
World* the_world = nullptr;
constexpr Word cnode_bits = 16;
} // namespace

World& world() {
    if (the_world == nullptr) {
        std::fprintf(stderr, "loopback: no ipc::host::World exists\n");
        std::abort();
    }
    return *the_world;
}
bool world_exists() { return the_world != nullptr; }
abi::IpcBuffer* current_buffer() { return &world().context().buffer; }
BulkPointers& bulk_pointers() { return world().context().bulk; }
void sys_call(SystemCall& call) { world().system_call(call); }
void bulk(CapabilityPointer reply, abi::Invocation invocation, Word offset, void* local, Word count, Word& copied,
          Word& caller_fault) {
    world().bulk(reply, invocation, offset, local, count, copied, caller_fault);
}

World::World() : own_{std::make_shared<HostCNode>(cnode_bits)}, slot_words_((Word{1} << cnode_bits) / 32) {
    if (the_world != nullptr) {
        std::fprintf(stderr, "loopback: a second World\n");
        std::abort();
    }
    the_world = this;
    context_ = &client_;
    slots().initialize(slot_words_.data(), server_slot::first_free, Word{1} << cnode_bits);
    auto const space = std::make_shared<HostAddressSpace>();
    space->is_own = true;
    insert(*own_, server_slot::thread, {std::make_shared<HostThread>()}, 0);
    insert(*own_, server_slot::cnode, {own_}, 0);
    insert(*own_, server_slot::address_space, {space}, 0);
    insert(*own_, server_slot::untyped, {std::make_shared<HostUntyped>(29, 0)}, 0);
    insert(*own_, server_slot::debug, {std::make_shared<HostPlain>(Kind::Debug)}, 0);
    client_.buffer.receive_slot = slots().take(abi::message_capabilities);
}

World::~World() {
    the_world = nullptr;
    auto const slots = std::move(own_->slots); // it holds a capability for itself
}

std::size_t World::add_server() {
    auto server = std::make_unique<HostServer>();
    bool const first = servers_.empty();
    auto const endpoint = std::make_shared<HostEndpoint>();
    endpoint->server = server.get();
    auto const notification = std::make_shared<HostNotification>();
    server->runtime.endpoint = first ? server_slot::endpoint : slots().take();
    server->runtime.notification = first ? server_slot::notification : slots().take();
    insert(*own_, server->runtime.endpoint, {endpoint}, 0);
    insert(*own_, server->runtime.notification, {notification}, 0);
    servers_.push_back(std::move(server));
    notifications_.push_back(notification);
    return servers_.size() - 1;
}

CapabilityPointer World::mint_client(std::size_t server, Word badge) {
    Capability const* const endpoint = capability(servers_[server]->runtime.endpoint);
    Capability minted = *endpoint;
    minted.badge = badge;
    minted.rights = abi::right::all & ~abi::right::read;
    CapabilityPointer const slot = slots().take();
    insert(*own_, slot, minted, endpoint->node);
    return slot;
}

CapabilityPointer World::add(ObjectPointer object, Word badge) {
    CapabilityPointer const slot = slots().take();
    insert(*own_, slot, {std::move(object), badge}, 0);
    return slot;
}

Capability const* World::capability(CapabilityPointer slot) const {
    auto const found = own_->slots.find(slot);
    return found != own_->slots.end() ? &found->second : nullptr;
}

void World::as(std::size_t server, std::function<void()> const& work) { enter(servers_[server].get(), work); }

void World::enter(HostServer* server, std::function<void()> const& work) {
    if (server->busy) {
        std::fprintf(stderr, "loopback: a server is called while it handles a message: this would deadlock\n");
        std::abort();
    }
    Context context{};
    context.server = server;
    Context* const outer = std::exchange(context_, &context);
    context.buffer.receive_slot = slots().take(abi::message_capabilities);
    server->busy = true;
    work();
    server->busy = false;
    slots().give(context.buffer.receive_slot, abi::message_capabilities);
    context_ = outer;
}

void World::pump() {
    for (bool again = true; again;) {
        again = false;
        for (std::size_t i = 0; i < servers_.size(); ++i) {
            Word const bits = std::exchange(notifications_[i]->word, 0);
            if (bits != 0) {
                again = true;
                enter(servers_[i].get(), [&] { servers_[i]->deliver_signal(bits); });
            }
        }
    }
}

void World::signal_server(std::size_t server, Word bits) { notifications_[server]->word |= bits; }
Word World::notification_word(CapabilityPointer notification) const {
    return object<HostNotification>(notification)->word;
}
void World::signal(Capability const& notification) {
    static_cast<HostNotification&>(*notification.object).word |= notification.badge;
}

void World::abandon_deferred() {
    for (auto& [slot, capability] : own_->slots) {
        if (capability.object->kind == Kind::Reply) {
            auto& reply = static_cast<HostReply&>(*capability.object);
            if (reply.caller == last_deferred_) { reply.caller = nullptr; }
        }
    }
    last_deferred_ = nullptr;
}

void World::system_call(SystemCall& call) {
    abi::IpcBuffer& mine = context_->buffer;
    mine.message[0] = call.word0;
    mine.message[1] = call.word1;
    Capability* const target = find(*own_, call.target);
    auto const finish = [&](abi::Error error) { call.info = abi::MessageInfo{}.with(error); };
    if (target == nullptr) {
        finish(abi::Error::InvalidCapability);
        return;
    }
    switch (call.info.operation()) {
    case abi::Syscall::Call:
        if (target->object->kind == Kind::Endpoint) {
            Capability const copy = *target;
            call_endpoint(call, copy);
        } else {
            Word length = 0;
            abi::Error const error = invoke(static_cast<abi::Invocation>(call.info.label()), *target, call, length);
            call.word0 = mine.message[0];
            call.word1 = mine.message[1];
            call.info = abi::MessageInfo{0, error == abi::Error::None ? length : 0}.with(error);
        }
        break;
    case abi::Syscall::Send:
    case abi::Syscall::NonBlockingSend:
        if (target->object->kind == Kind::Notification) {
            signal(*target);
        } else if (target->object->kind == Kind::Reply) {
            auto& reply = static_cast<HostReply&>(*target->object);
            if (reply.caller == nullptr) {
                finish(abi::Error::InvalidCapability);
                return;
            }
            answer(reply, call.info, call.word0, call.word1);
        } else if (target->object->kind == Kind::Endpoint) {
            Capability const copy = *target;
            SystemCall unanswered = call;
            call_endpoint(unanswered, copy);
        } else {
            finish(abi::Error::InvalidCapability);
            return;
        }
        finish(abi::Error::None);
        break;
    case abi::Syscall::Receive:
    case abi::Syscall::NonBlockingReceive:
        if (target->object->kind == Kind::Notification) {
            Word const bits = std::exchange(static_cast<HostNotification&>(*target->object).word, 0);
            finish(bits == 0 ? abi::Error::WouldBlock : abi::Error::None);
            call.target = bits;
            break;
        }
        [[fallthrough]];
    default: finish(abi::Error::IllegalOperation); break;
    }
}

void World::call_endpoint(SystemCall& call, Capability const& target) {
    Context& caller = *context_;
    auto const record = std::make_shared<CallRecord>();
    record->bulk = caller.bulk;
    record->buffer_flags = call.info.raw & (abi::MessageInfo::read_buffer | abi::MessageInfo::write_buffer);
    record->read_length = call.info.has_read_buffer() ? caller.buffer.read_length : 0;
    record->write_length = call.info.has_write_buffer() ? caller.buffer.write_length : 0;
    auto& endpoint = static_cast<HostEndpoint&>(*target.object);
    if (endpoint.server == nullptr) {
        call.info = abi::MessageInfo{}.with(abi::Error::ServerDied);
        return;
    }
    deliver(endpoint, target.badge, call.info, {caller.buffer.message, call.info.length()},
            {caller.buffer.capabilities, call.info.capabilities()}, record);
    if (!record->answered) {
        last_deferred_ = record;
        call.info = abi::MessageInfo{static_cast<Word>(Error::Deferred), 0};
        return;
    }
    call.info = place_answer(*record, caller.buffer, caller.buffer.receive_slot);
    call.word0 = caller.buffer.message[0];
    call.word1 = caller.buffer.message[1];
}

void World::deliver(HostEndpoint& endpoint, Word badge, abi::MessageInfo info, std::span<Word const> words,
                    std::span<CapabilityPointer const> capabilities, std::shared_ptr<CallRecord> const& record) {
    std::vector<Word> const message(words.begin(), words.end());
    std::vector<CapabilityPointer> const sources(capabilities.begin(), capabilities.end());
    enter(endpoint.server, [&] {
        abi::IpcBuffer& mine = context_->buffer;
        CapabilityPointer const slot = runtime().take_reply(); // an invocation: before the message is in the buffer
        std::copy(message.begin(), message.end(), mine.message);
        Word unwrapped = 0;
        CapabilityPointer next = mine.receive_slot;
        for (Word i = 0; i < sources.size(); ++i) {
            mine.capabilities[i] = 0;
            Capability const* const source = find(*own_, sources[i]);
            if (source == nullptr) { continue; }
            if (source->object.get() == &endpoint) {
                mine.capabilities[i] = source->badge;
                unwrapped |= Word{1} << i;
            } else if (derive(*own_, next, *source) == abi::Error::None) {
                mine.capabilities[i] = next++;
            }
        }
        mine.caller_read_length = record->read_length;
        mine.caller_write_length = record->write_length;
        auto const reply = object<HostReply>(slot);
        reply->caller = record;
        Received const received{abi::MessageInfo{info.label(), static_cast<Word>(message.size()),
                                                 static_cast<Word>(sources.size()), record->buffer_flags}
                                    .with_unwrapped(unwrapped),
                                badge, slot};
        Sender sender{received};
        Disposition const disposition = endpoint.server->deliver(sender, received);
        if (disposition.kind == Disposition::Kind::Reply) {
            answer(*reply, disposition.info, mine.message[0], mine.message[1]);
            for (CapabilityPointer const used : sender.after_reply()) { release_slot(used); }
        }
        if (disposition.kind != Disposition::Kind::Deferred) { runtime().give_reply(slot); }
    });
}

void World::answer(HostReply& reply, abi::MessageInfo info, Word word0, Word word1) {
    auto const record = std::exchange(reply.caller, nullptr);
    if (record == nullptr) { return; }
    abi::IpcBuffer const& mine = context_->buffer;
    record->answered = true;
    record->info = abi::MessageInfo{info.label(), info.length(), info.capabilities()};
    std::copy_n(mine.message, abi::message_words, record->words.begin());
    record->words[0] = word0;
    record->words[1] = word1;
    for (Word i = 0; i < info.capabilities(); ++i) {
        if (Capability const* const source = find(*own_, mine.capabilities[i])) {
            (void)derive(*record->capabilities, i + 1, *source);
        }
    }
}

abi::MessageInfo World::place_answer(CallRecord& record, abi::IpcBuffer& target, CapabilityPointer window) {
    std::copy(record.words.begin(), record.words.end(), target.message);
    for (Word i = 0; i < record.info.capabilities(); ++i) {
        target.capabilities[i] = 0;
        if (find(*record.capabilities, i + 1) != nullptr) {
            CapabilityPointer const slot = window != 0 ? window++ : slots().take();
            move(*own_, slot, *record.capabilities, i + 1);
            target.capabilities[i] = slot;
        }
    }
    return record.info;
}

void World::bulk(CapabilityPointer slot, abi::Invocation invocation, Word offset, void* local, Word count, Word& copied,
                 Word& caller_fault) {
    copied = 0;
    caller_fault = 0;
    auto const reply = object<HostReply>(slot);
    if (reply == nullptr || reply->caller == nullptr) { return; }
    CallRecord const& record = *reply->caller;
    if (invocation == abi::Invocation::ReplyBulkRead) {
        copied = offset < record.read_length ? std::min(count, record.read_length - offset) : 0;
        std::memcpy(local, static_cast<std::byte const*>(record.bulk.read) + offset, copied);
    } else {
        copied = offset < record.write_length ? std::min(count, record.write_length - offset) : 0;
        std::memcpy(static_cast<std::byte*>(record.bulk.write) + offset, local, copied);
    }
}

} // namespace ipc::host
