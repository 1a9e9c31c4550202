// Every long operation with an interrupt at each of its preemption points in turn: it must end as if none had come.
#include "fixture.hpp"
#include <functional>
#include <vector>

using namespace test;
using enum ObjectType;
using enum Invocation;

namespace {

/// All capabilities in the order of the derivation list, and every thread's state and answer.
std::vector<Word> state_of(kernel::Thread const& caller) {
    std::vector<Word> state;
    for (kernel::Slot const* slot = cpu().derivation.next(); slot != nullptr; slot = slot->next())
        state.insert(state.end(), {reinterpret_cast<Word>(slot), slot->capability.word0, slot->capability.word1});
    for (kernel::Thread const* thread = cpu().all_threads; thread != nullptr; thread = thread->all_next)
        state.insert(state.end(), {static_cast<Word>(thread->state), thread->context.values.eax});
    auto const& registers = caller.context.values;
    state.insert(state.end(), {registers.eax, registers.esi, registers.edi});
    return state;
}

/// What it makes in `kernel`, and then the one call that is interrupted.
using Scenario = std::function<std::function<void(Kernel&)>(Kernel&)>;

void interrupt_everywhere(Scenario const& scenario, Word points_at_least) {
    std::vector<Word> expected;
    Word points = 0;
    for (Word at = 0; at <= points; ++at) {
        CAPTURE(at);
        Kernel kernel;
        kernel.checks = false;
        auto const operation = scenario(kernel);
        kernel.checks = true;
        kernel.check();
        machine.preemption_points = 0;
        machine.preempt_at = at;
        machine.tick_on_interrupt = at % 2 == 0;
        operation(kernel);
        if (at == 0) {
            points = machine.preemption_points;
            expected = state_of(kernel.root());
            REQUIRE(points >= points_at_least);
        } else {
            CHECK(machine.served == 1);
            CHECK(state_of(kernel.root()) == expected);
        }
        machine.preempt_at = 0;
        if (at % 64 == 0) {
            REQUIRE(kernel.revoke(kernel.untyped()) == Error::None);
            CHECK(cpu().thread_count == 1);
        }
    }
}

/// Makes `count` threads without contexts wait in this call.
void make_wait(Kernel& kernel, Word count, Syscall call, Word capability, Word capability_of_odd = 0) {
    for (Word i = 0; i < count; ++i) {
        Client const client = kernel.make_client(100);
        kernel.system_call(*client.thread, call, i % 2 != 0 && capability_of_odd != 0 ? capability_of_odd : capability);
    }
}

void map_pages(Kernel& kernel, Word space, Word frame, Address first, Word count) {
    for (Address table = first; table < first + count * page_size; table += 1 << large_page_bits)
        REQUIRE(kernel.invoke(kernel.make(PageTable), PageTableMap, {table}, {space}).error() == Error::None);
    for (Word i = 0; i < count; ++i)
        REQUIRE(kernel.invoke(frame, FrameMap, {first + i * page_size, 3, 0}, {space}).error() == Error::None);
}

} // namespace

TEST_CASE("capabilities: revoke, delete, ranges") {
    auto with_copies = [](Kernel& kernel, Word& node, Word& notification) {
        node = kernel.make(CNode, 8), notification = kernel.make(ObjectType::Notification);
        for (Word i = 0; i < 150; ++i)
            REQUIRE(kernel.invoke(node, CNodeCopy, {i, 0, notification, 0, 15}, {cnode}).error() == Error::None);
    };
    Word node, notification;
    SUBCASE("revoke") {
        interrupt_everywhere(
            [&](Kernel& kernel) {
                with_copies(kernel, node, notification);
                return [&](Kernel& k) { CHECK(k.revoke(notification) == Error::None); };
            },
            100);
    }
    SUBCASE("delete a CNode") {
        interrupt_everywhere(
            [&](Kernel& kernel) {
                with_copies(kernel, node, notification);
                return [&](Kernel& k) { CHECK(k.remove(node) == Error::None); };
            },
            100);
    }
    SUBCASE("delete a range") {
        interrupt_everywhere(
            [&](Kernel& kernel) {
                with_copies(kernel, node, notification);
                return [&](Kernel& k) { CHECK(k.invoke(node, CNodeDeleteRange, {10, 200}).error() == Error::None); };
            },
            100);
    }
    SUBCASE("copy a range") {
        interrupt_everywhere(
            [&](Kernel& kernel) {
                with_copies(kernel, node, notification);
                Word const other = kernel.make(CNode, 8);
                return [&, other](Kernel& k) {
                    CHECK(k.invoke(other, CNodeCopyRange, {0, 0, 256}, {node}).first == 150);
                };
            },
            3);
    }
    SUBCASE("revoke memory with a bit of everything in it") {
        Word memory;
        interrupt_everywhere(
            [&](Kernel& kernel) {
                memory = kernel.make(Untyped, 18);
                Word const slot = kernel.slots(20);
                ObjectType const types[] = {
                    Untyped,           CNode,        ObjectType::Thread, Endpoint,  ObjectType::Notification,
                    ObjectType::Reply, SchedContext, AddressSpace,       PageTable, Frame};
                for (Word i = 0; i < std::size(types); ++i)
                    REQUIRE(kernel
                                .invoke(memory, UntypedRetype,
                                        {static_cast<Word>(types[i]), types[i] == Untyped ? 10u : 4u, slot + i, 1},
                                        {cnode})
                                .error() == Error::None);
                REQUIRE(kernel.invoke(slot + 8, PageTableMap, {0x20000000}, {slot + 7}).error() == Error::None);
                for (Word i = 0; i < 70; ++i)
                    REQUIRE(kernel.invoke(slot + 9, FrameMap, {0x20000000 + i * page_size, 3, 0}, {slot + 7}).error() ==
                            Error::None);
                REQUIRE(kernel.invoke(slot + 2, ThreadConfigure, {0, 28}, {slot + 1, slot + 7}).error() == Error::None);
                for (Word i = 0; i < 10; ++i)
                    REQUIRE(kernel.invoke(slot + 1, CNodeCopy, {i, 0, slot + i, 0, 15}, {cnode}).error() !=
                            Error::DeleteFirst);
                return [&](Kernel& k) { CHECK(k.revoke(memory) == Error::None); };
            },
            15);
    }
}

TEST_CASE("retype: zeroing and many objects") {
    SUBCASE("large objects") {
        interrupt_everywhere(
            [](Kernel& kernel) {
                Word const slot = kernel.slots(3);
                return [slot](Kernel& k) {
                    CHECK(k.invoke(k.untyped(), UntypedRetype, {static_cast<Word>(CNode), 12, slot, 3}, {cnode})
                              .error() == Error::None);
                };
            },
            40);
    }
    SUBCASE("many") {
        interrupt_everywhere(
            [](Kernel& kernel) {
                Word const slot = kernel.slots(60);
                return [slot](Kernel& k) {
                    CHECK(k.invoke(k.untyped(), UntypedRetype, {static_cast<Word>(ObjectType::Thread), 0, slot, 60},
                                   {cnode})
                              .error() == Error::None);
                };
            },
            59);
    }
}

TEST_CASE("waiters: endpoints, badges, refused calls, notifications, interrupt lines") {
    Word endpoint, one, two;
    auto badges = [&](Kernel& kernel) {
        endpoint = kernel.make(Endpoint);
        one = kernel.mint(endpoint, 1), two = kernel.mint(endpoint, 2);
    };
    SUBCASE("delete an endpoint with senders") {
        interrupt_everywhere(
            [&](Kernel& kernel) {
                badges(kernel);
                make_wait(kernel, 70, Syscall::Send, one, two);
                CHECK(kernel.remove(one) == Error::None);
                CHECK(kernel.remove(two) == Error::None);
                return [&](Kernel& k) { CHECK(k.remove(endpoint) == Error::None); };
            },
            4);
    }
    SUBCASE("cancel the sends of one badge") {
        interrupt_everywhere(
            [&](Kernel& kernel) {
                badges(kernel);
                make_wait(kernel, 100, Syscall::Send, one, two);
                return [&](Kernel& k) {
                    CHECK(k.invoke(cnode, CNodeCancelBadgedSends, {two, 0}).error() == Error::None);
                    Word left = 0;
                    for (auto* thread = k.object<::kernel::Endpoint>(endpoint).queue.first; thread != nullptr;
                         thread = thread->queue_next) {
                        CHECK(thread->message.badge == 1);
                        ++left;
                    }
                    CHECK(left == 50);
                };
            },
            3);
    }
    SUBCASE("a Receive that must refuse calls") {
        interrupt_everywhere(
            [&](Kernel& kernel) {
                badges(kernel);
                make_wait(kernel, 100, Syscall::Call, one);
                return [&](Kernel& k) {
                    CHECK(k.system_call(k.root(), Syscall::NonBlockingReceive, endpoint).error() == Error::WouldBlock);
                };
            },
            3);
    }
    SUBCASE("delete a notification with waiters and endpoints") {
        interrupt_everywhere(
            [&](Kernel& kernel) {
                Word const notification = kernel.make(ObjectType::Notification);
                make_wait(kernel, 40, Syscall::Receive, notification);
                for (Word i = 0; i < 40; ++i)
                    REQUIRE(
                        kernel.invoke(cnode, CNodeBindNoSenders, {kernel.make(Endpoint), 0}, {notification}).error() ==
                        Error::None);
                return [notification](Kernel& k) { CHECK(k.remove(notification) == Error::None); };
            },
            4);
    }
    SUBCASE("an interrupt line that holds the last capability of its notification") {
        interrupt_everywhere(
            [&](Kernel& kernel) {
                Word const notification = kernel.make(ObjectType::Notification), line = kernel.slots();
                REQUIRE(kernel.invoke(boot_slot::irq_control, IrqControlGet, {3, line}, {cnode}).error() ==
                        Error::None);
                REQUIRE(kernel.invoke(line, IrqHandlerSetNotification, {}, {notification}).error() == Error::None);
                make_wait(kernel, 40, Syscall::Receive, notification);
                REQUIRE(kernel.remove(notification) == Error::None);
                return [line](Kernel& k) { CHECK(k.remove(line) == Error::None); };
            },
            2);
    }
}

TEST_CASE("memory: ranges of mappings, spaces, bulk copies") {
    Word space, other, frame;
    auto spaces = [&](Kernel& kernel) {
        space = kernel.make(AddressSpace), other = kernel.make(AddressSpace), frame = kernel.make(Frame);
        map_pages(kernel, space, frame, 0x40000000, 1100);
        for (Address at : {0x40000000u, 0x40400000u})
            REQUIRE(kernel.invoke(kernel.make(PageTable), PageTableMap, {at}, {other}).error() == Error::None);
    };
    SUBCASE("unmap") {
        interrupt_everywhere(
            [&](Kernel& kernel) {
                spaces(kernel);
                return [&](Kernel& k) {
                    CHECK(k.invoke(space, AddressSpaceUnmap, {0, user_end >> page_bits}).first == 1100);
                };
            },
            15);
    }
    SUBCASE("protect") {
        interrupt_everywhere(
            [&](Kernel& kernel) {
                spaces(kernel);
                return [&](Kernel& k) {
                    CHECK(k.invoke(space, AddressSpaceProtect, {0x40000000, 1100, 2}).first == 1100);
                };
            },
            15);
    }
    SUBCASE("copy") {
        interrupt_everywhere(
            [&](Kernel& kernel) {
                spaces(kernel);
                return [&](Kernel& k) {
                    CHECK(
                        k.invoke(other, AddressSpaceCopyRange, {0x40000000, 0x40000000, 1100, 2, 1}, {space}).second ==
                        1100);
                };
            },
            3);
    }
    SUBCASE("delete the space") {
        interrupt_everywhere(
            [&](Kernel& kernel) {
                spaces(kernel);
                return [&](Kernel& k) { CHECK(k.remove(space) == Error::None); };
            },
            15);
    }
    SUBCASE("unmap a table") {
        interrupt_everywhere(
            [&](Kernel& kernel) {
                space = kernel.make(AddressSpace), frame = kernel.make(Frame);
                Word const table = kernel.make(PageTable);
                REQUIRE(kernel.invoke(table, PageTableMap, {0x40000000}, {space}).error() == Error::None);
                for (Word i = 0; i < 1024; ++i)
                    REQUIRE(kernel.invoke(frame, FrameMap, {0x40000000 + i * page_size, 3, 0}, {space}).error() ==
                            Error::None);
                return [table](Kernel& k) { CHECK(k.invoke(table, PageTableUnmap).error() == Error::None); };
            },
            16);
    }
    SUBCASE("bulk copy of 64 KiB") {
        Word reply;
        interrupt_everywhere(
            [&](Kernel& kernel) {
                Word const endpoint = kernel.make(Endpoint);
                reply = kernel.make(Reply);
                Client const caller = kernel.make_client(100);
                frame = kernel.make(Frame);
                map_pages(kernel, caller.space, frame, 0x40000000, 16);
                map_pages(kernel, boot_slot::address_space, frame, 0x40000000, 16);
                caller.thread->ipc_buffer->read_address = 0x40000000, caller.thread->ipc_buffer->read_length = 65536;
                kernel.system_call(*caller.thread, Syscall::Call, endpoint,
                                   MessageInfo{1, 0, 0, MessageInfo::read_buffer});
                kernel.system_call(kernel.root(), Syscall::Receive, endpoint, {}, 0, 0, reply);
                return [&](Kernel& k) { CHECK(k.invoke(reply, ReplyBulkRead, {0, 0x40000000, 65536}).first == 65536); };
            },
            15);
    }
}

TEST_CASE("a CSpace of its own, replaced while it holds the only capability of the new one") {
    Client client;
    interrupt_everywhere(
        [&](Kernel& kernel) {
            Word const nodes[] = {kernel.make(CNode, 6), kernel.make(CNode, 6)}, endpoint = kernel.make(Endpoint);
            client = kernel.make_client();
            for (Word i = 5; i < 60; ++i)
                REQUIRE(kernel.invoke(nodes[0], CNodeCopy, {i, 0, endpoint, 0, 15}, {cnode}).error() == Error::None);
            REQUIRE(kernel.invoke(nodes[0], CNodeCopy, {1, 0, client.capability, 0, 15}, {cnode}).error() ==
                    Error::None);
            REQUIRE(kernel.invoke(nodes[0], CNodeMove, {2, 0, nodes[1], 0}, {cnode}).error() == Error::None);
            REQUIRE(kernel.invoke(client.capability, ThreadSetCSpace, {26}, {nodes[0]}).error() == Error::None);
            REQUIRE(kernel.remove(nodes[0]) == Error::None);
            return [&](Kernel& k) {
                CHECK(k.invoke(*client.thread, 1, ThreadSetCSpace, {26}, {2}).error() == Error::None);
                CHECK(client.thread->cspace_root.capability.is(kernel::CapabilityType::CNode));
                CHECK(client.thread->replaced.is_empty());
            };
        },
        50);
}
