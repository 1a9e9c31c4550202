// Round trips of every kind of argument, and what does not decode.
#include "sample.hpp"

TEST_CASE_FIXTURE(Bench, "no argument, no result") {
    CHECK(ipc::call<Sample::Nothing>(client));
    CHECK(server.calls == 1);
}

TEST_CASE_FIXTURE(Bench, "scalars of all widths keep their values") {
    auto const result = ipc::call<Sample::Scalars>(client, std::int8_t{-3}, 0x123456789abcdef0U, true);
    REQUIRE(result);
    CHECK(std::get<0>(*result) == 0x123456789abcdef0U);
    CHECK(std::get<1>(*result));
    CHECK(std::get<2>(*result) == -3);
}

TEST_CASE_FIXTURE(Bench, "structs travel whole") {
    Point const point{1, 2, 3};
    CHECK(ipc::call<Sample::Structs>(client, point) == point);
}

TEST_CASE_FIXTURE(Bench, "texts: empty, odd lengths, full") {
    for (std::string const& text : {std::string{}, std::string{"a"}, std::string{"abcde"}, std::string(16, 'x')}) {
        auto const result = ipc::call<Sample::Texts>(client, std::string_view{"hello"}, std::string_view{text});
        REQUIRE(result);
        CHECK(std::get<0>(*result).view() == text);
        CHECK(std::get<1>(*result).view() == "hello");
    }
}

TEST_CASE_FIXTURE(Bench, "bytes") {
    ipc::Bytes<100> bytes;
    bytes.length = 99;
    std::fill_n(bytes.data, 99, std::byte{7});
    auto const result = ipc::call<Sample::RawBytes>(client, bytes);
    REQUIRE(result);
    CHECK(result->length == 99);
    CHECK(std::ranges::equal(result->span(), bytes.span()));
}

TEST_CASE_FIXTURE(Bench, "capabilities: foreign ones arrive in slots, own ones as badges") {
    auto const other = world.add(std::make_shared<ipc::host::HostNotification>());
    auto const before = world.capability_count();
    auto const free_before = ipc::slots().free_count();
    auto const result =
        ipc::call<Sample::Capabilities>(client, ipc::Cap<ipc::Any>{other}, client, ipc::Cap<ipc::Any>{other});
    REQUIRE(result);
    CHECK(std::get<1>(*result) == 42);
    CHECK(server.last_own.unwrapped);
    auto const back = std::get<0>(*result);
    CHECK(world.capability(back.slot)->object == world.capability(other)->object);
    CHECK(world.capability_count() == before + 2); // it, and a Reply object
    ipc::release_slot(back.slot);
    CHECK(ipc::slots().free_count() == free_before - 1);
}

TEST_CASE_FIXTURE(Bench, "an absent optional capability is absent; a Cap of the server itself is refused") {
    auto const other = world.add(std::make_shared<ipc::host::HostNotification>());
    auto const result = ipc::call<Sample::Capabilities>(client, ipc::Cap<ipc::Any>{other}, ipc::OptionalCap<Sample>{},
                                                        ipc::OptionalCap<ipc::Any>{});
    REQUIRE(result);
    CHECK_FALSE(server.last_own.present());
    ipc::release_slot(std::get<0>(*result).slot);
    CHECK(ipc::call<Sample::Capabilities>(client, client.as<ipc::Any>(), ipc::OptionalCap<Sample>{},
                                          ipc::OptionalCap<ipc::Any>{})
              .error() == ipc::Error::BadMessage);
}

TEST_CASE_FIXTURE(Bench, "bulk buffers") {
    std::string const in = "hello, world";
    std::string out(5, '.');
    auto const result = ipc::call<Sample::Upper>(client, ipc::ReadBuffer{in.data(), in.size()},
                                                 ipc::WriteBuffer{out.data(), out.size()});
    CHECK(result == 5U);
    CHECK(out == "HELLO");
}

TEST_CASE_FIXTURE(Bench, "bulk transfers larger than the kernel's portion") {
    std::string const in(200'000, 'q');
    std::string out(200'000, '.');
    auto const result = ipc::call<Sample::Upper>(client, ipc::ReadBuffer{in.data(), in.size()},
                                                 ipc::WriteBuffer{out.data(), out.size()});
    CHECK(result == 200'000U);
    CHECK(out == std::string(200'000, 'Q'));
}

TEST_CASE_FIXTURE(Bench, "paths: inline when short, from the caller's memory when long, both at once") {
    std::string const both = std::string(300, 'a') + std::string(1000, 'b');
    for (std::size_t a : {0U, 1U, 10U, 100U, 116U, 160U, 299U}) {
        for (std::size_t b : {0U, 3U, 117U, 999U}) {
            std::string_view const first = std::string_view{both}.substr(0, a);
            std::string_view const second = std::string_view{both}.substr(300, b);
            REQUIRE(ipc::call<Sample::Paths>(client, 1U, first, second));
            CHECK(server.paths == std::vector<std::string>{std::string{first}, std::string{second}});
            REQUIRE(ipc::call<Sample::Paths>(client, 1U, second, first)); // the other order in memory
            CHECK(server.paths == std::vector<std::string>{std::string{second}, std::string{first}});
        }
    }
    CHECK(ipc::call<Sample::Paths>(client, 1U, std::string_view{"/a"}, std::string_view{"/b"}) == 0U);
}

TEST_CASE_FIXTURE(Bench, "a long path cannot share the message with a ReadBuffer") {
    CHECK(ipc::call<Sample::PathAndBuffer>(client, std::string_view{"/abc"}, ipc::ReadBuffer{"12", 2}) == 4002U);
    std::string const path(500, 'p');
    CHECK(ipc::call<Sample::PathAndBuffer>(client, std::string_view{path}, ipc::ReadBuffer{"12", 2}).error() ==
          ipc::Error::NameTooLong);
}

namespace {
/// Sends words as an operation's message, whatever they are.
template <class M>
ipc::Error send_raw(ipc::Cap<Sample> target, std::vector<abi::Word> const& words, abi::Word capabilities = 0) {
    abi::IpcBuffer& buffer = ipc::buffer();
    std::copy(words.begin(), words.end(), buffer.message);
    auto const info = ipc::detail::transact(
        target.slot, abi::MessageInfo{M::label(), static_cast<abi::Word>(words.size()), capabilities},
        buffer.message[0], buffer.message[1]);
    return info.status() != abi::Error::None ? ipc::from_kernel(info.status()) : static_cast<ipc::Error>(info.label());
}
} // namespace

TEST_CASE_FIXTURE(Bench, "short and lying messages are refused") {
    CHECK(send_raw<Sample::Scalars>(client, {1}) == ipc::Error::BadMessage);
    CHECK(send_raw<Sample::Structs>(client, {}) == ipc::Error::BadMessage);
    CHECK(send_raw<Sample::Texts>(client, {41, 0, 0}) == ipc::Error::BadMessage);
    CHECK(send_raw<Sample::Texts>(client, {40, 0, 0}) == ipc::Error::BadMessage);
    CHECK(send_raw<Sample::Texts>(client, {0xffffffff}) == ipc::Error::BadMessage);
    CHECK(send_raw<Sample::RawBytes>(client, {101}) == ipc::Error::BadMessage);
    CHECK(send_raw<Sample::Paths>(client, {0, 161, 0, 0}) == ipc::Error::BadMessage);
    CHECK(send_raw<Sample::Paths>(client, {0, 0x80000000 | 5000, 0, 0, 0}) == ipc::Error::NameTooLong);
    CHECK(send_raw<Sample::Paths>(client, {0, 0x80000000 | 50, 0, 0, 0}) == ipc::Error::Fault); // nothing declared
    CHECK(send_raw<Sample::Capabilities>(client, {1, 0}) == ipc::Error::BadMessage);
    CHECK(send_raw<Sample::Nothing>(client, {1, 2, 3}) == ipc::Error::None); // later versions may say more
}

TEST_CASE_FIXTURE(Bench, "capabilities of a refused message are deleted") {
    auto const other = world.add(std::make_shared<ipc::host::HostNotification>());
    (void)ipc::call<Sample::Nothing>(client);
    auto const before = world.capability_count();
    auto const free_before = ipc::slots().free_count();
    for (abi::Word count : {1U, 2U, 3U}) {
        std::fill_n(ipc::buffer().capabilities, 3, other);
        CHECK(send_raw<Sample::Nothing>(client, {}, count) == ipc::Error::BadMessage);
        std::fill_n(ipc::buffer().capabilities, 3, other);
        CHECK(send_raw<Sample::Capabilities>(client, {}, count) == ipc::Error::BadMessage);
        std::fill_n(ipc::buffer().capabilities, 3, other);
        CHECK(send_raw<ipc::Method<Sample, 60, ipc::Unit()>>(client, {}, count) == ipc::Error::NotImplemented);
    }
    CHECK(world.capability_count() == before);
    CHECK(ipc::slots().free_count() == free_before);
}
