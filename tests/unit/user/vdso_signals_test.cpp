// The vDSO image: signals, and waits that they end.
#include "vdso_image.hpp"

namespace {
volatile int handled = 0;
volatile Word handler_argument = 0, handler_esp_alignment = 0;
void handler(int number) {
    handled = handled + 1;
    handler_argument = static_cast<Word>(number);
    double volatile a = 2.5, b = a * 3; // the handler uses the FPU
    static_cast<void>(b);
}
void information_handler(int number, siginfo_t* info, void*) {
    handled = handled + 1;
    handler_argument = static_cast<Word>(number) << 16 | static_cast<Word>(info->si_pid);
}
Answer delivered(Word number, Word entry, Word flags) {
    proto::DeliveredSignal signal{};
    signal.information.number = static_cast<std::int32_t>(number);
    signal.information.pid = 99;
    signal.action.handler = entry;
    signal.action.flags = flags;
    signal.old_mask = 0x1234500000006789;
    return {0, abi::Error::None, words_of(signal)};
}
} // namespace

VDSO_TEST("a handler runs on the way out, and everything is as before") {
    handled = 0;
    for (bool const information : {false, true}) {
        log.clear();
        bool pending = true;
        server = [&](Message const& message) {
            if (message.label == label<proto::Process::GetParent>()) {
                area().signal_pending = 1;
                return Answer{0, abi::Error::None, {17}};
            }
            if (message.label == label<proto::Process::TakeSignal>()) {
                CHECK(area().signal_pending == 0);
                bool const now = pending;
                pending = false;
                if (!now) { return delivered(0, 0, 0); }
                return information ? delivered(10, address(reinterpret_cast<void*>(&information_handler)), 4)
                                   : delivered(10, address(reinterpret_cast<void*>(&handler)), 0);
            }
            if (message.label == label<proto::Process::SetMask>()) {
                CHECK(message.words == std::vector<Word>{2, 1, 0x6789, 0x12345000});
            }
            return Answer{0, abi::Error::None, {0, 0}};
        };
        double volatile kept = 1.25;
        CHECK(call(64) == 17);
        CHECK(kept * 4 == 5.0);
        CHECK(handler_argument == (information ? 10U << 16 | 99 : 10U));
        CHECK(log.back().label == label<proto::Process::SetMask>());
    }
    CHECK(handled == 2);
}

VDSO_TEST("an interrupted wait: restart, EINTR, or again") {
    open_descriptor(0, proto::FileKind::Fifo);
    for (int const kind : {0, 1, 2}) {
        log.clear();
        handled = 0;
        int reads = 0;
        bool taken = false;
        server = [&](Message const& message) {
            if (message.label == label<proto::File::Read>()) {
                return reads++ == 0 ? Answer{0, abi::Error::Interrupted, {}} : Answer{0, abi::Error::None, {3, 0}};
            }
            if (message.label == label<proto::Process::TakeSignal>() && !taken) {
                taken = true;
                return kind == 2
                           ? delivered(0, 0, 0)
                           : delivered(14, address(reinterpret_cast<void*>(&handler)), kind == 0 ? 0x10000000U : 0U);
            }
            if (message.label == label<proto::Process::TakeSignal>()) { return delivered(0, 0, 0); }
            return Answer{0, abi::Error::None, {0, 0}};
        };
        char data[8];
        CHECK(call(3, 0, address(data), 8) == (kind == 1 ? -4 : 3));
        CHECK(reads == (kind == 1 ? 1 : 2));
        CHECK(handled == (kind == 2 ? 0 : 1));
    }
    // A signal that comes before the wait begins: no message is sent for it.
    log.clear();
    int reads = 0;
    area().signal_pending = 1;
    server = [&](Message const& message) {
        if (message.label == label<proto::File::Read>()) {
            ++reads;
            return Answer{0, abi::Error::None, {1, 0}};
        }
        return delivered(0, 0, 0);
    };
    char data[8];
    CHECK(call(3, 0, address(data), 8) == 1);
    CHECK(reads == 1);
    REQUIRE(log.size() >= 2);
    CHECK(log[0].label == label<proto::Process::TakeSignal>());
}

VDSO_TEST("poll: asks, arms, waits, disarms") {
    open_descriptor(4, proto::FileKind::Fifo);
    struct {
        int descriptor;
        short events, found;
    } record[2] = {{4, 1, 0}, {9, 1, 0}};
    int arms = 0;
    bool woken = false;
    server = [&](Message const& message) {
        if (message.label == label<proto::File::PollArm>()) {
            ++arms;
            return Answer{0, abi::Error::None, {0}};
        }
        if (message.label == label<proto::File::Poll>()) { return Answer{0, abi::Error::None, {woken ? 1U : 0U}}; }
        if (message.label == 0) {
            CHECK(message.target == linux_process::slot::wake);
            woken = true;
        }
        return Answer{};
    };
    CHECK(call(168, address(record), 1, 0) == 0);
    CHECK(arms == 0);
    CHECK(call(168, address(record), 1, static_cast<Word>(-1)) == 1);
    CHECK(record[0].found == 1);
    CHECK(arms == 1);
    CHECK(call(168, address(record), 2, 0) == 2);
    CHECK(record[1].found == 0x20);
    Word sets[32] = {1U << 4};
    CHECK(call(142, 5, address(sets), 0, 0, 0) == 1);
    CHECK(sets[0] == 1U << 4);
    sets[0] = 1U << 9;
    CHECK(call(142, 10, address(sets), 0, 0, 0) == -9);
}
