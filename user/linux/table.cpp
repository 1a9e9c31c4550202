#include "calls.hpp"

extern "C" vdso::Long vdso_unknown_call(linux_process::ThreadArea& thread);

namespace vdso {

namespace {

/// Known, and answered ENOSYS without counting them as missing: programs probe for these and do without.
Long sys_absent(ThreadArea&) { return not_implemented; }
constexpr Word absent[] = {
    386 /* rseq */, 375 /* membarrier */, 291, 292, 293, 332 /* inotify */, 244 /* get_thread_area */};
/// No file system here has extended attributes (xattr(7)).
Long sys_no_attributes(ThreadArea&) { return refuse(Error::NotSupported); }
constexpr Word first_attribute_call = 226 /* setxattr */, last_attribute_call = 237 /* fremovexattr */;
constexpr Word table_size = 450; // TABLE_SIZE of entry.S

} // namespace

/// Read by entry.S.
struct Table {
    Handler handlers[table_size];
};
namespace {
constexpr Table build() {
    Table table{};
    for (Handler& handler : table.handlers) { handler = &vdso_unknown_call; }
#define VDSO_ENTER(number, name) table.handlers[number] = &sys_##name;
    VDSO_CALLS(VDSO_ENTER)
#undef VDSO_ENTER
    for (Word const number : absent) { table.handlers[number] = &sys_absent; }
    for (Word number = first_attribute_call; number <= last_attribute_call; ++number) {
        table.handlers[number] = &sys_no_attributes;
    }
    return table;
}
} // namespace
extern "C" [[gnu::used]] constinit Table const vdso_table = build();

Handler handler_of(Word number) { return number < table_size ? vdso_table.handlers[number] : &vdso_unknown_call; }

Long sys_nothing(ThreadArea&) { return 0; }

} // namespace vdso
