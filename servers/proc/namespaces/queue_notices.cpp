#include "queue_notices.hpp"

namespace proc {

namespace {
constexpr std::int32_t message_arrived = -3; // SI_MESGQ

Process* find(Core& core, std::uint32_t space, std::int32_t number) {
    Process* found = nullptr;
    core.table.all.each([&](Process& process) {
        if (process.pid != nullptr && process.space().inode() == space && process.pid->number() == number)
            found = &process;
    });
    return found;
}
} // namespace

void deliver(Core& core, proto::QueueNotice const& notice) {
    Process* const target = find(core, notice.process_space, notice.process);
    if (target == nullptr || !target->alive() || notice.signal == 0 || notice.signal > signal_count) return;
    Process const* const sender = find(core, notice.sender_space, notice.sender);
    proto::SignalInformation information{};
    information.number = static_cast<std::int32_t>(notice.signal);
    information.code = message_arrived;
    information.value = notice.value;
    information.pid = sender != nullptr ? sender->pid->number_in(target->space()) : 0;
    information.user = Core::user_in(*target->user_space, notice.sender_user);
    core.send(*target, information);
}

} // namespace proc
