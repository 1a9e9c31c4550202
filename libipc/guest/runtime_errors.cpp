// What the header-only standard library calls where it would throw: a server has no exceptions, it stops.
#include "../ipc/log.hpp"
#include "../ipc/objects.hpp"
#include <memory>

namespace ipc {

void write_log(std::string_view line) {
    while (!line.empty()) {
        std::string_view const part = line.substr(0, object::Debug::write_limit);
        (void)object::Debug{server_slot::debug}.write(part);
        line.remove_prefix(part.size());
    }
}

void stop(std::string_view why) {
    log("stopped: {}", why);
    __builtin_trap();
}

} // namespace ipc

namespace std {
[[gnu::noreturn]] void __throw_bad_alloc() { ipc::stop("bad_alloc"); }
[[gnu::noreturn]] void __throw_bad_array_new_length() { ipc::stop("bad_array_new_length"); }
[[gnu::noreturn]] void __throw_bad_function_call() { ipc::stop("bad_function_call"); }
[[gnu::noreturn]] void __throw_bad_optional_access() { ipc::stop("bad_optional_access"); }
[[gnu::noreturn]] void __throw_bad_variant_access(unsigned) { ipc::stop("bad_variant_access"); }
[[gnu::noreturn]] void __throw_length_error(char const* what) { ipc::stop(what); }
[[gnu::noreturn]] void __throw_logic_error(char const* what) { ipc::stop(what); }
[[gnu::noreturn]] void __throw_runtime_error(char const* what) { ipc::stop(what); }
[[gnu::noreturn]] void __throw_invalid_argument(char const* what) { ipc::stop(what); }
[[gnu::noreturn]] void __throw_out_of_range(char const* what) { ipc::stop(what); }
[[gnu::noreturn]] void __throw_out_of_range_fmt(char const* what, ...) { ipc::stop(what); }
[[gnu::noreturn]] void __throw_system_error(int) { ipc::stop("system_error"); }
[[noreturn]] void __glibcxx_assert_fail(char const*, int, char const*, char const* condition) noexcept {
    ipc::stop(condition);
}
// What std::shared_ptr asks the library for: how make_shared's own memory is told apart where there are no type infos (by address, which
// it has tried then), and whether there are threads.
bool _Sp_make_shared_tag::_S_eq(type_info const&) noexcept { return false; }
} // namespace std

extern "C" {
extern char __libc_single_threaded;
char __libc_single_threaded = 1;
[[gnu::noreturn]] void abort() { ipc::stop("abort"); }
[[noreturn]] void __cxa_pure_virtual() { ipc::stop("pure virtual function called"); }
int atexit(void (*)()) { return 0; }
}
void* __dso_handle = nullptr;
