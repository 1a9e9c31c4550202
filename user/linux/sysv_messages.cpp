// msgget(2), msgsnd(2), msgrcv(2), msgctl(2).
#include "sysv.hpp"

namespace vdso {

using namespace sysv;

namespace {
inline constexpr Word msg_status = 11, msg_information = 12, msg_status_any = 13;
inline constexpr Word type_bytes = 4;

struct QueueStatus { // struct msqid64_ds
    Permissions permissions;
    Time send, receive, change;
    Word bytes, messages, maximum;
    std::int32_t sender, receiver;
    Word unused[2];
};
static_assert(sizeof(QueueStatus) == 88);

Long queue_information(ThreadArea& thread, bool use_of_memory, Word buffer) {
    auto const use = ask(thread, [&] { return ipc::call<V::Use>(owner); });
    auto const limits = ask(thread, [&] { return ipc::call<V::Limits>(owner); });
    if (!use || !limits) { return refuse(use ? limits.error() : use.error()); }
    struct {
        Word msgpool, msgmap, msgmax, msgmnb, msgmni, msgssz, msgtql;
        std::uint16_t msgseg, padding;
    } out{limits->msgmni * (limits->msgmnb / 1024),
          limits->msgmnb,
          limits->msgmax,
          limits->msgmnb,
          limits->msgmni,
          16,
          limits->msgmnb,
          0xffff,
          0};
    if (use_of_memory) {
        out.msgpool = use->queues;
        out.msgmap = use->messages;
        out.msgtql = use->message_bytes;
    }
    return put(buffer, out) ? (use->highest_queue < 0 ? 0 : use->highest_queue) : fault;
}
} // namespace

Long sysv::control_queue(ThreadArea& thread, Word id, Word command, Word buffer) {
    if (static_cast<Long>(id) < 0) { return invalid; }
    proto::SystemVPermissions wanted{};
    Word asked = command, maximum = 0;
    switch (command) {
    case information:
    case msg_information: return queue_information(thread, command == msg_information, buffer);
    case msg_status: asked = V::status_by_index; break;
    case msg_status_any: asked = V::any_status_by_index; break;
    case set:
        if (!fetch_permissions(buffer, wanted) || !fetch(buffer + offsetof(QueueStatus, maximum), maximum)) {
            return fault;
        }
        break;
    case remove:
    case status: break;
    default: return invalid;
    }
    auto const answer =
        ask(thread, [&] { return ipc::call<V::ControlQueue>(owner, static_cast<Long>(id), asked, wanted, maximum); });
    if (!answer) { return refuse(answer.error()); }
    if (command == remove || command == set) { return 0; }
    auto const& [result, one] = *answer;
    QueueStatus const out{permissions_of(one.permissions),
                          time_of(one.send_time),
                          time_of(one.receive_time),
                          time_of(one.change_time),
                          one.bytes,
                          one.messages,
                          one.maximum_bytes,
                          one.last_sender,
                          one.last_receiver,
                          {}};
    return put(buffer, out) ? result : fault;
}

Long sysv::send(ThreadArea& thread, Word id, Word message, Word bytes, Word flags) {
    Long type = 0;
    if (!fetch(message, type)) { return fault; }
    if (static_cast<Long>(bytes) < 0 || static_cast<Long>(id) < 0) { return invalid; }
    Word const text = message + type_bytes;
    if (!user_range(text, bytes)) { return fault; }
    for (;;) { // once for each page that is missing
        auto const sent = ask(thread, [&] {
            Interruptible const waiting{thread};
            return ipc::call<V::Send>(owner, static_cast<Long>(id), type, flags,
                                      ipc::ReadBuffer{pointer<void>(text), bytes});
        });
        if (!sent) { return sent.error() == Error::CallInterrupted ? restart_never : refuse(sent.error()); }
        if (*sent == 0) { return 0; }
        if (!touch(thread, *sent, text + bytes, false)) { return fault; }
    }
}

Long sysv::receive(ThreadArea& thread, Word id, Word message, Word bytes, Long type, Word flags) {
    if (static_cast<Long>(bytes) < 0 || static_cast<Long>(id) < 0) { return invalid; }
    Word const text = message + type_bytes;
    if (!user_range(message, type_bytes)) { return fault; }
    Word const room = user_range(text, bytes) ? bytes : abi::user_end - text;
    for (;;) {
        auto const got = ask(thread, [&] {
            Interruptible const waiting{thread};
            return ipc::call<V::Receive>(owner, static_cast<Long>(id), type, flags,
                                         ipc::WriteBuffer{pointer<void>(text), room});
        });
        if (!got) { return got.error() == Error::CallInterrupted ? restart_never : refuse(got.error()); }
        if (got->fault == 0) { return put(message, got->type) ? static_cast<Long>(got->length) : fault; }
        if (!touch(thread, got->fault, got->fault + 1, true)) { return fault; }
    }
}

Long sys_msgget(ThreadArea& thread) {
    return finish(ask(thread, [&] {
        return ipc::call<V::GetQueue>(owner, static_cast<Long>(argument1(thread)), argument2(thread));
    }));
}
Long sys_msgctl(ThreadArea& thread) {
    return control_queue(thread, argument1(thread), argument2(thread) & ~modern_layout, argument3(thread));
}
Long sys_msgsnd(ThreadArea& thread) {
    return send(thread, argument1(thread), argument2(thread), argument3(thread), argument4(thread));
}
Long sys_msgrcv(ThreadArea& thread) {
    return receive(thread, argument1(thread), argument2(thread), argument3(thread),
                   static_cast<Long>(argument4(thread)), argument5(thread));
}

} // namespace vdso
