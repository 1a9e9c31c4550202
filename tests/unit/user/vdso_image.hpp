// The built vDSO image itself, run as the i386 code it is in this process: mapped where it is linked, its sysenter and
// `int 0x80` turned into traps that a signal handler answers in the kernel's and the servers' place.
#pragma once
#include "libipc/ipc/error.hpp"
#include "libipc/proto/process.hpp"
#include "microkernel/abi/objects.hpp"
#include "user/linux/layout.hpp"
#include "user/linux/signal_frame.hpp"
#include <asm/ldt.h>
#include <csignal>
#include <cstring>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <functional>
#include <string>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>
#include <vector>

namespace vdso_image {

using abi::Word;
using linux_process::FileTable;
using linux_process::ThreadArea;
using linux_process::VdsoHeader;

inline auto& buffer() { return *reinterpret_cast<abi::IpcBuffer*>(linux_process::area_base); }
inline auto& area() { return *reinterpret_cast<ThreadArea*>(linux_process::area_base + abi::ipc_buffer_end); }
inline auto& table() { return *reinterpret_cast<FileTable*>(linux_process::files_base); }
inline auto& header() {
    return *reinterpret_cast<VdsoHeader const*>(linux_process::vdso_base + linux_process::vdso_header_offset);
}

struct Message {
    Word label, target;
    std::vector<Word> words;
};
struct Answer {
    Word label = 0;
    abi::Error status = abi::Error::None;
    std::vector<Word> words;
    Word capabilities = 0;
};
extern std::vector<Message> log;
extern std::function<Answer(Message const&)> server;

/// The image, the thread's area and its descriptors as new, nobody answering.
void map_image();
/// A program's stack lies below `user_end`; that of this process need not.
void on_low_stack(void (*body)());
/// As libc calls: AT_SYSINFO.
std::int32_t call(Word number, Word a = 1, Word b = 2, Word c = 3, Word d = 4, Word e = 5, Word f = 6);

template <class M>
constexpr Word label() {
    return M::label();
}
inline Word address(void const* p) { return reinterpret_cast<Word>(p); }
inline void open_descriptor(Word number, proto::FileKind kind) {
    table().descriptors[number] = {1, 0, static_cast<std::uint8_t>(kind), 0, 0};
    table().highest = std::max(table().highest, number + 1);
}
template <class T>
std::vector<Word> words_of(T const& value) {
    std::vector<Word> words((sizeof value + 3) / 4);
    std::memcpy(words.data(), &value, sizeof value);
    return words;
}
inline constexpr Word bad_address = 0x10;
inline constexpr Word cnode_delete = static_cast<Word>(abi::Invocation::CNodeDelete),
                      cnode_copy = static_cast<Word>(abi::Invocation::CNodeCopy),
                      cnode_move = static_cast<Word>(abi::Invocation::CNodeMove);
inline Word label_of_continuation() { return static_cast<Word>(ipc::Error::Elsewhere); }

} // namespace vdso_image

using namespace vdso_image;

#define VDSO_TEST(name) VDSO_TEST_AS(name, DOCTEST_ANONYMOUS(vdso_test_))
#define VDSO_TEST_AS(name, body)                                                                                       \
    static void body();                                                                                                \
    TEST_CASE(name) {                                                                                                  \
        map_image();                                                                                                   \
        on_low_stack(body);                                                                                            \
    }                                                                                                                  \
    static void body()
