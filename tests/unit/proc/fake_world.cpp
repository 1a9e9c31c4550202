#include "fake_world.hpp"

namespace proc {
linux_process::VdsoHeader const& vdso_header() {
    using linux_process::vdso_base;
    static constexpr linux_process::VdsoHeader header{linux_process::vdso_magic,
                                                      vdso_base + 0x500,
                                                      vdso_base + 0x510,
                                                      vdso_base + 0x520,
                                                      vdso_base + 0x530,
                                                      vdso_base + 0x540,
                                                      vdso_base + 0x500,
                                                      vdso_base + 0x8000,
                                                      {{vdso_base + 0x600, vdso_base + 0x610, vdso_base + 0x620},
                                                       {vdso_base + 0x700, vdso_base + 0x710, vdso_base + 0x720}},
                                                      {vdso_base + 0x800, vdso_base + 0x900, vdso_base + 0x910}};
    return header;
}
} // namespace proc
