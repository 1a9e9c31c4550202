// libipc on the real kernel: a root task whose second thread is a server. `ok NAME` for each topic, figures, then QEMU's end.
// Under -icount shift=0 one time-stamp tick is one guest instruction.
#include "guest/heap.hpp"
#include "guest/start.hpp"
#include "ipc/log.hpp"
#include "ipc/server.hpp"
#include <cstring>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

namespace {

using ipc::Cap;
using ipc::CapabilityPointer;
using ipc::Word;

[[noreturn]] void finish(Word status) {
    (void)ipc::object::Debug{abi::boot_slot::debug}.exit(status);
    for (;;) {}
}
void check(bool condition, char const* what, int line) {
    if (!condition) {
        ipc::log("FAILED line {}: {}", line, what);
        finish(1);
    }
}
#define CHECK(condition) check(static_cast<bool>(condition), #condition, __LINE__)

std::uint64_t stamp() {
    Word low, high;
    asm volatile("rdtsc" : "=a"(low), "=d"(high));
    return std::uint64_t{high} << 32 | low;
}

struct Sample {
    static constexpr abi::Word number = 200;
    using Null = ipc::Method<Sample, 1, ipc::Unit()>;
    using Add = ipc::Method<Sample, 2, std::uint64_t(std::uint32_t, std::uint64_t)>;
    using Echo = ipc::Method<Sample, 3, ipc::Text<200>(ipc::Text<200>)>;
    using Upper = ipc::Method<Sample, 4, std::uint32_t(ipc::ReadBuffer, ipc::WriteBuffer)>;
    using Length = ipc::Method<Sample, 5, std::uint32_t(ipc::Path)>;
    using Open = ipc::Method<Sample, 6, Cap<Sample>(std::uint32_t badge)>;
    using Badge = ipc::Method<Sample, 7, std::uint32_t()>;
    using Swap =
        ipc::Method<Sample, 8, std::tuple<Cap<ipc::Any>, std::uint32_t>(Cap<ipc::Any>, ipc::OptionalCap<Sample>)>;
    using Wait = ipc::Method<Sample, 9, std::uint32_t(ipc::WriteBuffer)>;
    using Gone = ipc::Method<Sample, 10, std::uint32_t()>;
    using Elsewhere = ipc::Method<Sample, 11, ipc::Unit()>;
    using Fill = ipc::Method<Sample, 12, std::uint32_t(ipc::WriteBuffer)>;
    using methods = ipc::Methods<Null, Add, Echo, Upper, Length, Open, Badge, Swap, Wait, Gone, Elsewhere, Fill>;
};

struct Server {
    std::vector<ipc::Pending> waiting;
    std::uint32_t gone = 0;

    ipc::Result<ipc::Unit> on(Sample::Null, ipc::Sender&) { return ipc::Unit{}; }
    ipc::Result<std::uint64_t> on(Sample::Add, ipc::Sender& sender, std::uint32_t a, std::uint64_t b) {
        return a + b + sender.badge;
    }
    ipc::Result<ipc::Text<200>> on(Sample::Echo, ipc::Sender&, ipc::Text<200> const& text) { return text; }
    ipc::Result<std::uint32_t> on(Sample::Upper, ipc::Sender& sender, ipc::ReadBuffer in, ipc::WriteBuffer) {
        std::string text(in.length, ' ');
        auto const read = sender.copy_in(0, std::as_writable_bytes(std::span{text}));
        for (char& character : text) { character = static_cast<char>(character & ~32); }
        return static_cast<std::uint32_t>(sender.copy_out(0, std::as_bytes(std::span{text}).first(read.count)).count);
    }
    ipc::Result<std::uint32_t> on(Sample::Length, ipc::Sender& sender, ipc::Path path) {
        char storage[4096];
        auto const text = sender.read_path(path, storage);
        if (!text) { return ipc::fail(text.error()); }
        return static_cast<std::uint32_t>(std::ranges::count(*text, '/') * 10000) +
               static_cast<std::uint32_t>(text->size());
    }
    ipc::Result<Cap<Sample>> on(Sample::Open, ipc::Sender&, std::uint32_t badge) {
        return ipc::mint_session<Sample>(badge);
    }
    ipc::Result<std::uint32_t> on(Sample::Badge, ipc::Sender& sender) { return sender.badge; }
    ipc::Result<std::tuple<Cap<ipc::Any>, std::uint32_t>> on(Sample::Swap, ipc::Sender& sender, Cap<ipc::Any> cap,
                                                             ipc::OptionalCap<Sample> own) {
        sender.delete_after_reply(cap.slot);
        return std::tuple{cap, own.badge};
    }
    ipc::Result<std::uint32_t> on(Sample::Wait, ipc::Sender& sender, ipc::WriteBuffer) {
        waiting.push_back(sender.defer());
        return ipc::fail(ipc::Error::Deferred);
    }
    ipc::Result<std::uint32_t> on(Sample::Gone, ipc::Sender&) { return gone; }
    ipc::Result<ipc::Unit> on(Sample::Elsewhere, ipc::Sender& sender) {
        return sender.fail_with(ipc::Error::Elsewhere, std::uint32_t{77}, ipc::Text<20>{"rest"});
    }
    ipc::Result<std::uint32_t> on(Sample::Fill, ipc::Sender& sender, ipc::WriteBuffer) {
        static constexpr std::byte one{1};
        return static_cast<std::uint32_t>(sender.copy_out(0, {&one, 1}).count);
    }
    void on_no_senders(Word) { ++gone; }
    void on_notification(Word bits) {
        for (auto const& call : waiting) {
            (void)ipc::copy_out(call, 0, std::as_bytes(std::span{"woken", 5}));
            ipc::reply<Sample::Wait>(call, bits);
        }
        waiting.clear();
    }
};

alignas(4096) std::byte heap_memory[2048 * 1024];
alignas(16) std::byte server_stack[32 * 1024];

[[noreturn]] void server_thread() {
    static Server server;
    CHECK(ipc::bind_no_senders(5));
    ipc::serve<Sample>(server);
}

template <class Function>
void figure(char const* what, Function const& function) {
    constexpr Word rounds = 1000;
    function();
    auto const begin = stamp();
    for (Word i = 0; i < rounds; ++i) { function(); }
    ipc::log("figure {} {}", what, static_cast<Word>(stamp() - begin) / rounds);
}

void test_library() {
    std::map<std::string, int> map;
    std::unordered_map<unsigned, std::string> table;
    for (unsigned i = 0; i < 2000; ++i) {
        map[std::to_string(i)] = static_cast<int>(i);
        table[i] = std::to_string(i);
    }
    CHECK(map["1234"] == 1234 && table[1999] == "1999" && map.size() == 2000);
}

void test_messages(Cap<Sample> client) {
    CHECK(ipc::call<Sample::Null>(client));
    CHECK(ipc::call<Sample::Add>(client, 1U, std::uint64_t{0x100000000}) == 0x100000000 + 1 + 42);
    std::string const text(199, 'x');
    CHECK(ipc::call<Sample::Echo>(client, std::string_view{text})->view() == text);
    std::string const in(150'000, 'a');
    std::string out(150'000, '.');
    CHECK(ipc::call<Sample::Upper>(client, ipc::ReadBuffer{in.data(), in.size() / 3},
                                   ipc::WriteBuffer{out.data(), out.size()}) == 50'000U);
    CHECK(out[49'999] == 'A' && out[50'000] == '.');
    std::string const path = "/" + std::string(998, 'p') + "/";
    CHECK(ipc::call<Sample::Length>(client, std::string_view{path}) == 21000U);
    CHECK(ipc::call<Sample::Length>(client, std::string_view{path}.substr(0, 100)) == 10100U);
    CHECK((ipc::call<ipc::Method<Sample, 50, ipc::Unit()>>(client).error() == ipc::Error::NotImplemented));
    CHECK((ipc::call<ipc::Method<Sample, 2, ipc::Unit()>>(client).error() == ipc::Error::BadMessage));
    CHECK(ipc::call<Sample::Elsewhere>(client).error() == ipc::Error::Elsewhere);
    auto reply = ipc::last_reply();
    CHECK(reply.read<std::uint32_t>() == 77U);
    CHECK(reply.read<ipc::Text<20>>()->view() == "rest");
}

void test_capabilities(Cap<Sample> client) {
    auto const free_before = ipc::slots().free_count();
    auto const notification =
        *ipc::make_object(abi::ObjectType::Notification, 0, ipc::object::Untyped{ipc::runtime().untyped});
    auto const swapped = ipc::call<Sample::Swap>(client, Cap<ipc::Any>{notification}, client);
    CHECK(swapped);
    CHECK(std::get<1>(*swapped) == 42);
    ipc::signal(notification);
    CHECK(ipc::poll(std::get<0>(*swapped).slot));
    ipc::release_slot(std::get<0>(*swapped).slot);
    ipc::release_slot(notification);
    CHECK(ipc::call<Sample::Gone>(client) == 0U);
    for (Word badge = 100; badge < 200; ++badge) {
        auto const session = ipc::call<Sample::Open>(client, badge);
        CHECK(session);
        CHECK(ipc::call<Sample::Badge>(*session) == badge);
        ipc::release_slot(session->slot);
    }
    CHECK(ipc::call<Sample::Gone>(client) == 100U);
    // What was refused is deleted.
    for (int i = 0; i < 10; ++i) {
        CHECK((ipc::call<ipc::Method<Sample, 51, ipc::Unit(Cap<Sample>)>>(client, client).error() ==
               ipc::Error::NotImplemented));
        CHECK(
            (ipc::call<ipc::Method<Sample, 51, ipc::Unit(Cap<ipc::Any>)>>(client, Cap<ipc::Any>{abi::boot_slot::cnode})
                 .error() == ipc::Error::NotImplemented));
    }
    CHECK(ipc::slots().free_count() == free_before);
}

abi::BootInfo const& boot() { return *reinterpret_cast<abi::BootInfo const*>(abi::boot_info_address); }

CapabilityPointer largest_untyped() {
    CapabilityPointer best = 0;
    Word bits = 0;
    for (Word i = 0; i < boot().untyped_count; ++i) {
        if (boot().untypeds[i].is_device == 0 && boot().untypeds[i].size_bits > bits) {
            bits = boot().untypeds[i].size_bits;
            best = abi::boot_slot::first_untyped + i;
        }
    }
    return best;
}

} // namespace

extern "C" [[noreturn, gnu::used]] void test_main() {
    ipc::guest::initialize_runtime(heap_memory, sizeof heap_memory, (boot().first_free_slot + 31) & ~31U, 4096);
    ipc::guest::construct_globals();
    ipc::Runtime& runtime = ipc::runtime();
    runtime.untyped = largest_untyped();
    ipc::object::Untyped const memory{runtime.untyped};
    auto const make = [&](abi::ObjectType type) {
        auto const made = ipc::make_object(type, 0, memory);
        CHECK(made);
        return *made;
    };
    test_library();
    ipc::log("ok standard library, heap {} bytes in use", ipc::guest::heap().used_bytes());

    runtime.endpoint = make(abi::ObjectType::Endpoint);
    runtime.notification = make(abi::ObjectType::Notification);
    ipc::object::Thread const thread{make(abi::ObjectType::Thread)};
    ipc::object::SchedContext const context{make(abi::ObjectType::SchedContext)};
    ipc::object::Frame const frame{make(abi::ObjectType::Frame)};
    abi::Address const server_buffer = (boot().image_end + 0xfff) & ~0xfffU;
    CHECK(frame.map(ipc::own_address_space(), server_buffer, 3));
    CHECK(thread.configure(ipc::own_cnode(), ipc::guard_word(0, 32 - abi::boot_slot::cnode_radix),
                           ipc::own_address_space(), server_buffer, frame));
    CHECK(ipc::object::SchedControl{abi::boot_slot::sched_control}.configure(context, 10000, 10000));
    CHECK(context.bind(thread));
    CHECK(thread.set_priority(200));
    CHECK(thread.bind_notification(runtime.notification));
    abi::Registers registers{};
    registers.eip = reinterpret_cast<Word>(&server_thread);
    registers.esp = reinterpret_cast<Word>(server_stack + sizeof server_stack - 20);
    CHECK(thread.write_registers(registers, true));

    CapabilityPointer const slot = ipc::slots().take();
    CHECK(ipc::own_cnode().mint(slot, ipc::own_cnode(), runtime.endpoint, abi::right::all & ~abi::right::read, 42));
    Cap<Sample> const client{slot};
    test_messages(client);
    ipc::log("ok messages");
    test_capabilities(client);
    ipc::log("ok capabilities");

    figure("null call", [&] { (void)ipc::call<Sample::Null>(client); });
    figure("three words in, two out", [&] { (void)ipc::call<Sample::Add>(client, 1U, std::uint64_t{2}); });
    figure("text of 20 bytes there and back",
           [&] { (void)ipc::call<Sample::Echo>(client, std::string_view{"12345678901234567890"}); });
    figure("one byte by bulk copy", [&] {
        char byte;
        (void)ipc::call<Sample::Fill>(client, ipc::WriteBuffer{&byte, 1});
    });
    figure("path of 20 bytes",
           [&] { (void)ipc::call<Sample::Length>(client, std::string_view{"/234567890/234567890"}); });
    CHECK(*ipc::object::Debug{abi::boot_slot::debug}.check() == 0);
    finish(0);
}

asm(".globl _start\n_start: xorl %ebp, %ebp\n\tcall test_main\n");

// libipc's own start-up is not used here; its entry wants this.
int server_main(ipc::ServerInfo const&) { return 0; }
