#include "frames.hpp"

namespace vfs {

FrameStore::FrameStore(ipc::Cap<proto::Memory> memory, abi::Address window, std::uint32_t maximum_chunks)
    : PageStore{maximum_chunks}, memory_{memory}, window_{window}, passage_{ipc::slots().take()},
      lent_{ipc::slots().take()} {
    base_ = reinterpret_cast<std::byte*>(window - page_size); // page numbers begin with 1
}

bool FrameStore::grow(std::uint32_t chunk) {
    constexpr abi::Word cnode_radix = abi::page_bits - abi::slot_bits;
    if (chunk >= chunks_.size()) { chunks_.resize(chunk + 1); }
    abi::Address const address = window_ + (chunk << proto::Memory::chunk_bits);
    std::size_t const table = chunk / 4;
    if (table >= tables_.size()) {
        auto const made = ipc::make_object(abi::ObjectType::PageTable);
        if (!made) { return false; }
        if (!ipc::object::PageTable{*made}.map(ipc::own_address_space(),
                                               address & ~((abi::Address{1} << abi::large_page_bits) - 1))) {
            ipc::release_slot(*made);
            return false;
        }
        tables_.push_back(*made);
    }
    auto const memory = ipc::call<proto::Memory::Allocate>(memory_);
    if (!memory) { return false; }
    Chunk made{std::get<0>(*memory).slot, 0, std::get<1>(*memory)};
    ipc::object::Untyped const untyped{made.untyped};
    auto const cnode = ipc::make_object(abi::ObjectType::CNode, cnode_radix, untyped);
    if (cnode) { made.cnode = *cnode; }
    if (!cnode || !untyped.retype(abi::ObjectType::Frame, 0, ipc::object::CNode{made.cnode}, 0, chunk_pages)) {
        static_cast<void>(ipc::call<proto::Memory::Release>(memory_, made.number));
        if (made.cnode != 0) { ipc::release_slot(made.cnode); }
        ipc::release_slot(made.untyped);
        return false;
    }
    chunks_[chunk] = made;
    return true;
}

void FrameStore::shrink(std::uint32_t chunk) {
    Chunk const gone = std::exchange(chunks_[chunk], {});
    static_cast<void>(ipc::call<proto::Memory::Release>(memory_, gone.number));
    ipc::release_slot(gone.cnode);
    ipc::release_slot(gone.untyped);
}

bool FrameStore::map(std::uint32_t chunk, std::uint32_t index) {
    ipc::object::CNode const home{chunks_[chunk].cnode};
    if (!ipc::own_cnode().move(passage_, home, index)) { return false; }
    abi::Address const address = window_ + (chunk * 256 + index) * page_size;
    bool const mapped = ipc::object::Frame{passage_}
                            .map(ipc::own_address_space(), address, abi::right::read | abi::right::write)
                            .has_value();
    return home.move(index, ipc::own_cnode(), passage_).has_value() && mapped;
}

Result<Slot> FrameStore::lend_frame(std::uint32_t chunk, std::uint32_t index, bool writable) {
    if (lent_full_) { static_cast<void>(ipc::own_cnode().remove(lent_)); }
    lent_full_ = false;
    abi::Word const rights = writable ? abi::right::read | abi::right::write : abi::right::read;
    if (!ipc::own_cnode().copy(lent_, ipc::object::CNode{chunks_[chunk].cnode}, index, rights)) {
        return fail(Error::NoMemory);
    }
    lent_full_ = true;
    return lent_;
}

void FrameStore::revoke_frame(std::uint32_t chunk, std::uint32_t index) {
    // Our own mapping is a descendant, too.
    static_cast<void>(ipc::object::CNode{chunks_[chunk].cnode}.revoke(index));
    lent_full_ = false; // gone if it was this one; deleting an empty slot does no harm
    static_cast<void>(ipc::own_cnode().remove(lent_));
}

} // namespace vfs
