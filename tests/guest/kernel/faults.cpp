// Page faults and exceptions as messages to a handler.
#include "kernel_test.hpp"

namespace test {

namespace {

Word done = 0;
Address fault_address = 0;

void toucher(Word) {
    auto* word = reinterpret_cast<Word volatile*>(fault_address);
    word[3] = 42; // faults; the handler maps it
    signal(word[3] == 42 ? done : 0);
}

void divider(Word) {
    Word result;
    asm volatile("movl $1, %%eax; xorl %%edx, %%edx; xorl %%ecx, %%ecx; divl %%ecx"
                 : "=a"(result)
                 :
                 : "ecx", "edx", "cc");
    signal(result == 1 ? done : 0);
}

void undefined(Word) {
    asm volatile("ud2");
    signal(done);
}

void trapper(Word) {
    asm volatile("int $0x80" : : "a"(20));
    signal(done);
}

void jumper(Word) { asm volatile("jmp *%0" : : "r"(0xC0100000)); }

} // namespace

void test_faults() {
    Word const endpoint = make(ObjectType::Endpoint), reply = make(ObjectType::Reply), badged = mint(endpoint, 9);
    done = make(ObjectType::Notification);
    Word const space = make_space();
    fault_address = next_window_address();

    Started thread = start(space, toucher, 0, 100, true, badged);
    Answer fault = receive(endpoint, reply);
    CHECK(fault.badge == 9 && fault.info.label() == static_cast<Word>(abi::Fault::Page));
    CHECK(fault.first == fault_address + 12 && (fault.second & 7) == 6);
    Word const frame = make(ObjectType::Frame);
    CHECK(
        invoke(frame, Invocation::FrameMap, {fault_address, abi::right::read | abi::right::write, 0}, {space}).good());
    send_reply(reply, 0, 0, 0, 0);
    wait(done);
    stop(thread);

    thread = start(space, divider, 0, 100, true, badged);
    fault = receive(endpoint, reply);
    CHECK(fault.info.label() == static_cast<Word>(abi::Fault::Exception) && fault.first == 0);
    Word const after = buffer().message[2] + 2;
    buffer().message[2] = buffer().message[4];
    send_reply(reply, 0, after, buffer().message[3], 3);
    wait(done);
    stop(thread);

    thread = start(space, undefined, 0, 100, true, badged);
    fault = receive(endpoint, reply);
    CHECK(fault.info.label() == static_cast<Word>(abi::Fault::Exception) && fault.first == 6);
    stop(thread);
    CHECK(invoke(reply, Invocation::ReplyStatus).first == 0);

    thread = start(space, trapper, 0, 100, true, badged);
    fault = receive(endpoint, reply);
    CHECK(fault.info.label() == static_cast<Word>(abi::Fault::Exception) && fault.first == 0x80);
    send_reply(reply, 0, 0, 0, 0);
    wait(done);
    stop(thread);

    thread = start(space, jumper, 0, 100, true, badged);
    fault = receive(endpoint, reply);
    CHECK(fault.info.label() == static_cast<Word>(abi::Fault::Page) && fault.first == 0xC0100000);
    stop(thread);
    remove(badged), remove(endpoint);
}

} // namespace test
