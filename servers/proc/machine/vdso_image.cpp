#include "vdso_image.hpp"
#include "../memory/memory_space.hpp"
#include <cstring>

extern "C" std::byte const cella_vdso_start[], cella_vdso_end[];

namespace proc {

linux_process::VdsoHeader const& vdso_header() {
    return *reinterpret_cast<linux_process::VdsoHeader const*>(cella_vdso_start + linux_process::vdso_header_offset);
}

Status load_vdso(Account& account) {
    auto const size = static_cast<Word>(cella_vdso_end - cella_vdso_start);
    if (size > linux_process::vdso_size ||
        size < linux_process::vdso_header_offset + sizeof(linux_process::VdsoHeader) ||
        vdso_header().magic != linux_process::vdso_magic) {
        return fail(Error::InputOutput);
    }
    for (Word offset = 0; offset < size; offset += abi::page_size) {
        auto page = account.take_page(true);
        if (!page) return fail(page.error());
        std::memcpy((*page)->data, cella_vdso_start + offset, std::min(abi::page_size, size - offset));
        MemorySpace::vdso_pages.push_back(*page);
    }
    return done();
}

} // namespace proc
