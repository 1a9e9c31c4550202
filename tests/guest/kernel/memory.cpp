// Mappings: what is mapped can be read and written, what is not is not.
#include "kernel_test.hpp"

namespace test {

void test_memory() {
    Word const own = abi::boot_slot::address_space;
    Page const page = make_page();
    auto* words = reinterpret_cast<Word volatile*>(page.address);
    for (Word index = 0; index < 1024; ++index) CHECK(words[index] == 0);
    words[5] = 1234;
    // The same frame at a second address.
    Address const second = next_window_address();
    CHECK(invoke(page.frame, Invocation::FrameMap, {second, abi::right::read | abi::right::write, 0}, {own}).good());
    CHECK(reinterpret_cast<Word volatile*>(second)[5] == 1234);
    reinterpret_cast<Word volatile*>(second)[6] = 5678;
    CHECK(words[6] == 5678);
    CHECK(invoke(page.frame, Invocation::FrameMap, {second, abi::right::read, 0}, {own}).error() == Error::DeleteFirst);
    CHECK(invoke(page.frame, Invocation::FrameMap, {0x70000000, abi::right::read, 0}, {own}).error() ==
          Error::FailedLookup);
    CHECK(invoke(page.frame, Invocation::FrameMap, {abi::user_end, abi::right::read, 0}, {own}).error() != Error::None);
    CHECK(invoke(page.frame, Invocation::FrameMap, {second + 1, abi::right::read, 0}, {own}).error() != Error::None);
    Answer query = invoke(own, Invocation::AddressSpaceQuery, {second});
    CHECK(query.good() && query.first == (abi::right::read | abi::right::write));
    CHECK(query.second == invoke(page.frame, Invocation::FrameGetAddress).first);
    CHECK(invoke(own, Invocation::AddressSpaceProtect, {second, 1, abi::right::read}).first == 1);
    CHECK(invoke(own, Invocation::AddressSpaceQuery, {second}).first == abi::right::read);
    CHECK(reinterpret_cast<Word volatile*>(second)[6] == 5678);
    CHECK(invoke(own, Invocation::AddressSpaceUnmap, {second, 1}).first == 1);
    CHECK(invoke(own, Invocation::AddressSpaceQuery, {second}).first == 0);
    CHECK(words[6] == 5678);
    // Mappings are children of the frame's capability: revoking unmaps everywhere.
    CHECK(invoke(abi::boot_slot::cnode, Invocation::CNodeRevoke, {page.frame, 0}).good());
    CHECK(invoke(own, Invocation::AddressSpaceQuery, {page.address}).first == 0);
    // A large frame.
    Word const large = make(ObjectType::LargeFrame);
    CHECK(invoke(large, Invocation::FrameMap, {0x30000000, abi::right::read | abi::right::write, 0}, {own}).good());
    auto* far_words = reinterpret_cast<Word volatile*>(0x30000000);
    far_words[1048575] = 99;
    CHECK(far_words[1048575] == 99 && far_words[0] == 0);
    CHECK(invoke(abi::boot_slot::cnode, Invocation::CNodeRevoke, {large, 0}).good());
    CHECK(invoke(own, Invocation::AddressSpaceQuery, {0x30000000}).first == 0);
}

} // namespace test
