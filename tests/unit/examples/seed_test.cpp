// The ninth kind of namespace, over the loopback.
#include "../../../user/examples/seed_server.hpp"
#include "host/world.hpp"
#include <doctest/doctest.h>
#include <string>

namespace {

using proto::File;
using Namespace = proto::Namespace;

struct Fixture {
    ipc::host::World world;
    seed::SeedServer server;
    std::size_t number = world.serve<Namespace, File>(server);
    ipc::Cap<Namespace> first = world.client<Namespace>(number, ipc::first_namespace_badge);
    Fixture() {
        world.as(number, [] { REQUIRE(ipc::bind_no_senders(0)); });
    }
    ipc::Cap<Namespace> create() {
        auto made = ipc::call<Namespace::Create>(first, ipc::OptionalCap<Namespace>{}, 0U, 0U);
        REQUIRE(made);
        return *made;
    }
    ipc::Cap<File> open(ipc::Cap<Namespace> space, std::uint64_t operations) {
        auto file = ipc::call<Namespace::Attenuate>(space, operations);
        REQUIRE(file);
        return file->as<File>();
    }
    ipc::Cap<File> reader(ipc::Cap<Namespace> space) { return open(space, Namespace::program_operations); }
    ipc::Cap<File> writer(ipc::Cap<Namespace> space) {
        return open(space, Namespace::program_operations | Namespace::write_operation);
    }
    std::string read(ipc::Cap<File> file) {
        char text[64];
        auto const got = ipc::call<File::Read>(file, 0U, ipc::WriteBuffer{text, sizeof text});
        REQUIRE(got);
        return {text, got->count};
    }
    ipc::Error write(ipc::Cap<File> file, std::string_view text) {
        auto const done = ipc::call<File::Write>(file, 0U, ipc::ReadBuffer{text.data(), text.size()});
        return done ? ipc::Error::None : done.error();
    }
};

} // namespace

TEST_CASE_FIXTURE(Fixture, "the same seed gives the same numbers, in each namespace its own") {
    auto const one = create(), two = create();
    CHECK(write(writer(one), "7\n") == ipc::Error::None);
    CHECK(write(writer(two), "7") == ipc::Error::None);
    auto const a = reader(one), b = reader(two);
    auto const first_number = read(a);
    CHECK(first_number.starts_with("7 "));
    CHECK(read(a).empty()); // the end of the file
    CHECK(read(b) == first_number);
    auto const second_number = read(reader(one)); // opened again: the sequence has gone on
    CHECK(second_number != first_number);
    CHECK(read(reader(first)).starts_with("1 "));
}

TEST_CASE_FIXTURE(Fixture, "refusals change nothing") {
    auto const space = create();
    CHECK(write(reader(space), "7") == ipc::Error::BadDescriptor); // opened for reading
    CHECK(write(writer(space), "seven") == ipc::Error::Invalid);
    CHECK(write(writer(space), "7x") == ipc::Error::Invalid);
    CHECK(write(writer(space), "99999999999999999999999") == ipc::Error::Invalid);
    CHECK(write(writer(space), "") == ipc::Error::Invalid);
    CHECK(read(reader(space)).starts_with("1 "));
}

TEST_CASE_FIXTURE(Fixture, "it is a kind like the others") {
    auto const file = reader(create());
    char text[64];
    auto const length = ipc::call<File::Name>(file, ipc::WriteBuffer{text, sizeof text});
    REQUIRE(length);
    CHECK(std::string_view{text, *length} == "seed:[4177526785]");
    CHECK(ipc::call<File::Ioctl>(file, 0xb703U, 0U, ipc::ReadBuffer{}, ipc::WriteBuffer{}) == 0U);
}
