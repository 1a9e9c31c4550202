// Property test: random capability operations on the kernel and on the reference model, compared after each.
#include "fixture.hpp"
#include "model/capability_model.hpp"
#include <map>
#include <random>

using namespace test;
using enum Invocation;

namespace {

constexpr Word memory_bits = 16;

struct Pair {
    Kernel kernel;
    model::Capabilities expected{memory_bits};
    Word memory = kernel.make(ObjectType::Untyped, memory_bits), node = kernel.make(ObjectType::CNode, 6);
    std::map<Word, Word> objects; ///< the model's number -> the kernel's address of it

    Pair() { REQUIRE(kernel.invoke(node, CNodeMove, {0, 0, memory, 0}, {cnode}).error() == Error::None); }

    /// The capability in a slot of the node, for an invocation on it: root calls through a copy of it moved to its own.
    Error on(Word slot, Invocation label, std::initializer_list<Word> words, std::initializer_list<Word> capabilities,
             Word* first = nullptr) {
        REQUIRE(kernel.invoke(cnode, CNodeMove, {memory, 0, slot, 0}, {node}).error() == Error::None);
        Answer const answer = kernel.invoke(memory, label, words, capabilities);
        if (first != nullptr) *first = answer.first;
        REQUIRE(kernel.invoke(node, CNodeMove, {slot, 0, memory, 0}, {cnode}).error() == Error::None);
        return answer.error();
    }

    void compare() {
        ::kernel::Slot* const slots = kernel.slot(node).capability.slots();
        for (Word i = 0; i < model::Capabilities::slot_count; ++i) {
            CAPTURE(i);
            model::Node const* const node = expected.at(i);
            ::kernel::Capability const& capability = slots[i].capability;
            REQUIRE(capability.is_null() == (node == nullptr));
            if (node == nullptr) continue;
            using ::kernel::CapabilityType;
            switch (node->type) {
            case ObjectType::Untyped:
                REQUIRE(capability.is(CapabilityType::Untyped));
                REQUIRE(capability.untyped_size_bits() == node->size_bits);
                REQUIRE(capability.untyped_bytes() - (::kernel::has_children(slots[i]) ? capability.watermark() : 0) ==
                        expected.free_bytes(i));
                break;
            case ObjectType::Endpoint:
            case ObjectType::Notification:
                REQUIRE(capability.is(node->type == ObjectType::Endpoint ? CapabilityType::Endpoint
                                                                         : CapabilityType::Notification));
                REQUIRE(capability.badge() == node->badge);
                REQUIRE((capability.word1 & right::all) == node->rights);
                break;
            case ObjectType::Frame:
                REQUIRE(capability.is(CapabilityType::Frame));
                REQUIRE(capability.frame_rights() == node->rights);
                break;
            default: break;
            }
            REQUIRE(::kernel::has_children(slots[i]) == !node->children.empty());
            Word const address = node->type == ObjectType::Frame ? capability.frame_physical() : capability.pointer();
            if (node->type != ObjectType::Untyped)
                REQUIRE(objects.emplace(node->object, address).first->second == address);
        }
    }
};

} // namespace

TEST_CASE("capability operations do what the reference model does") {
    int done = 0;
    std::map<Error, int> seen;
    for (unsigned seed = 1; seed <= 40; ++seed) {
        CAPTURE(seed);
        Pair pair;
        std::mt19937 random{seed};
        auto below = [&](Word limit) { return static_cast<Word>(random() % limit); };
        machine.preempt_every = below(3);
        constexpr ObjectType types[] = {ObjectType::Untyped,      ObjectType::Endpoint, ObjectType::Endpoint,
                                        ObjectType::Notification, ObjectType::Frame,    ObjectType::Frame,
                                        ObjectType::PageTable};
        for (int step = 0; step < 400; ++step) {
            Word const from = below(model::Capabilities::slot_count), to = below(model::Capabilities::slot_count);
            model::Node const* const source = pair.expected.at(from);
            Error expected = Error::None, found = Error::None;
            switch (below(8)) {
            case 0:
            case 1: {
                if (source == nullptr || source->type != ObjectType::Untyped) continue;
                ObjectType const type = types[below(std::size(types))];
                Word const bits = type == ObjectType::Untyped ? 4 + below(11) : 0, count = 1 + below(4),
                           first = below(70);
                if (from >= first && from < first + count) continue; // its slot is empty while root uses it
                expected = pair.expected.retype(from, type, bits, first, count);
                found = pair.on(from, UntypedRetype, {static_cast<Word>(type), bits, first, count}, {pair.node});
                break;
            }
            case 2:
            case 3:
            case 4: {
                Word const rights = below(16), badge = below(3) == 0 ? 1 + below(3) : 0;
                expected = pair.expected.copy(from, to, rights, badge);
                found = pair.kernel.invoke(pair.node, CNodeMint, {to, 0, from, 0, rights, badge}, {pair.node}).error();
                break;
            }
            case 5:
                expected = pair.expected.move(from, to);
                found = pair.kernel.invoke(pair.node, CNodeMove, {to, 0, from, 0}, {pair.node}).error();
                break;
            case 6:
                if (from == 0 ||
                    (source != nullptr && source->type == ObjectType::Untyped && source->parent == nullptr))
                    continue;
                pair.expected.remove(from);
                found = pair.kernel.invoke(pair.node, CNodeDelete, {from, 0}).error();
                break;
            default:
                if (below(4) != 0) continue;
                pair.expected.revoke(from);
                found = pair.kernel.invoke(pair.node, CNodeRevoke, {from, 0}).error();
                break;
            }
            ++seen[expected];
            ++done;
            REQUIRE(found == expected);
            pair.compare();
        }
    }
    CHECK(done > 8000);
    for (Error error : {Error::None, Error::RangeError, Error::DeleteFirst, Error::NotEnoughMemory, Error::FailedLookup,
                        Error::IllegalOperation, Error::RevokeFirst})
        CHECK(seen[error] > 10);
}
