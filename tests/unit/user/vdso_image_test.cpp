// The vDSO image: calls on files.
#include "vdso_image.hpp"

VDSO_TEST("answered without a message") {
    CHECK(call(20) == 42);
    CHECK(call(224) == 43);
    CHECK(log.empty());
    std::int64_t time[2] = {};
    CHECK(call(403, 1, address(time)) == 0);
    CHECK(log.empty());
    CHECK(call(403, 1, bad_address) == -14);
    CHECK(call(403, 99, address(time)) == -22);
}

VDSO_TEST("a call nobody knows is counted and ENOSYS") {
    CHECK(call(9999) == -38);
    REQUIRE(log.size() == 1);
    CHECK(log[0].label == label<proto::Process::Unknown>());
    CHECK(log[0].words == std::vector<Word>{9999});
    CHECK(call(386) == -38); // rseq
    CHECK(log.size() == 1);
}

VDSO_TEST("read and write") {
    open_descriptor(3, proto::FileKind::Fifo);
    char data[16];
    server = [&](Message const& message) {
        CHECK(message.target == 67);
        CHECK(area().in_call == 2);
        if (message.label == label<proto::File::Read>()) {
            CHECK(buffer().write_address == address(data));
            CHECK(buffer().write_length == 16);
            return Answer{0, abi::Error::None, {5, 0}};
        }
        return Answer{32, abi::Error::None, {}};
    };
    CHECK(call(3, 3, address(data), 16) == 5);
    REQUIRE(log.size() == 1);
    CHECK(log[0].words == std::vector<Word>{7});
    CHECK(call(3, 4, address(data), 16) == -9);
    CHECK(log.size() == 1);
    server = [&](Message const& message) {
        return message.label == label<proto::File::Write>() ? Answer{32, abi::Error::None, {}} : Answer{};
    };
    CHECK(call(4, 3, address(data), 16) == -32);
    CHECK(log.back().label == label<proto::Process::Kill>()); // SIGPIPE
    CHECK(log.back().words == std::vector<Word>{42, 43, 13});
}

VDSO_TEST("a page that is missing is brought in, and the transfer goes on") {
    open_descriptor(0, proto::FileKind::Regular);
    char data[100];
    int reads = 0;
    server = [&](Message const& message) {
        if (message.label == label<proto::File::Read>()) {
            return reads++ == 0 ? Answer{0, abi::Error::None, {40, address(data + 40)}}
                                : Answer{0, abi::Error::None, {60, 0}};
        }
        CHECK(message.label == label<proto::Process::Touch>());
        CHECK(message.words == std::vector<Word>{address(data + 40), 60, 1});
        return Answer{};
    };
    CHECK(call(3, 0, address(data), 100) == 100);
    CHECK(log.size() == 3);
    reads = 0;
    server = [&](Message const& message) {
        return message.label == label<proto::File::Read>() ? Answer{0, abi::Error::None, {0, address(data)}}
                                                           : Answer{14, abi::Error::None, {}};
    };
    CHECK(call(3, 0, address(data), 100) == -14);
}

VDSO_TEST("open takes the lowest number, close gives it back") {
    open_descriptor(0, proto::FileKind::Regular);
    open_descriptor(2, proto::FileKind::Regular);
    Word slot = 0;
    server = [&](Message const& message) {
        if (message.label == label<proto::Directory::Open>()) {
            slot = buffer().receive_slot;
            return Answer{0, abi::Error::None, {0, 99}, 1};
        }
        return Answer{};
    };
    CHECK(call(5, address("/etc/passwd"), 0x80000, 0) == 1);
    CHECK(slot == 65);
    CHECK(table().descriptors[1].open == 1);
    CHECK(table().descriptors[1].close_on_exec == 1);
    CHECK(log.size() == 1);
    // At absent, caller absent, flags, mode, path length, offset, text
    REQUIRE(log[0].words.size() == 9);
    CHECK(log[0].words[4] == 11);
    CHECK(std::memcmp(&log[0].words[6], "/etc/passwd", 11) == 0);
    CHECK(call(41, 1) == 3);
    CHECK(log.back().label == cnode_copy);
    CHECK(call(63, 1, 2) == 2);
    CHECK(call(6, 1) == 0);
    CHECK(log.back().label == cnode_delete);
    CHECK(log.back().words[0] == 65);
    CHECK(call(6, 1) == -9);
    CHECK(call(5, bad_address, 0, 0) == -14);
    CHECK(call(5, address(""), 0, 0) == -2);
    std::string const longest(5000, 'x');
    CHECK(call(5, address(longest.c_str()), 0, 0) == -36);
    server = [&](Message const&) { return Answer{2, abi::Error::None, {}}; };
    CHECK(call(5, address("nothing"), 0, 0) == -2);
    CHECK(table().descriptors[1].open == 0);
    CHECK(table().descriptors[1].reserved == 0);
    CHECK(table().lock == 0);
}

VDSO_TEST("a walk goes on in another server") {
    std::vector<Word> continuation;
    auto const elsewhere = [&](Word flags, std::string_view rest) {
        proto::Continuation there{};
        there.flags = flags;
        there.rest = ipc::Text<180>{rest};
        std::vector<Word> words{1};
        for (Word const word : words_of(there)) { words.push_back(word); }
        return Answer{label_of_continuation(), abi::Error::None, words, 1};
    };
    SUBCASE("open") {
        server = [&](Message const& message) {
            if (message.label == label<proto::Directory::Open>()) {
                if (message.target == linux_process::slot::vfs) {
                    CHECK(buffer().receive_slot == 64);
                    return elsewhere(1, "self/stat");
                }
                CHECK(message.target == 64);
                CHECK(buffer().receive_slot == 65);
                CHECK(message.words[0] == 0);
                CHECK(message.words[1] == 1); // the caller comes along
                CHECK(buffer().capabilities[0] == linux_process::slot::process);
                CHECK(message.words[4] == 9);
                return Answer{0, abi::Error::None, {0, 99}, 1};
            }
            return Answer{};
        };
        CHECK(call(5, address("/proc/self/stat"), 0, 0) == 0);
        REQUIRE(log.size() == 4);
        CHECK(log[2].label == cnode_delete);
        CHECK(log[2].words[0] == 64);
        CHECK(log[3].label == cnode_move);
        CHECK(log[3].words[0] == 64);
        CHECK(log[3].words[2] == 65);
        CHECK(table().descriptors[0].open == 1);
        CHECK(table().descriptors[1].reserved == 0);
    }
    SUBCASE("stat") {
        proto::FileStatus status{};
        status.size = 77;
        server = [&](Message const& message) {
            if (message.label == label<proto::Directory::Stat>()) {
                return message.target == linux_process::slot::vfs ? elsewhere(0, "x")
                                                                  : Answer{0, abi::Error::None, words_of(status)};
            }
            return Answer{};
        };
        std::uint8_t out[96] = {};
        CHECK(call(195, address("/proc/x"), address(out)) == 0);
        CHECK(out[44] == 77);
        CHECK(log.size() == 4); // twice at vfs, once there, one delete
        CHECK(log.back().label == cnode_delete);
        CHECK(table().descriptors[0].reserved == 0);
    }
}

VDSO_TEST("bad pointers are EFAULT") {
    proto::FileStatus status{};
    server = [&](Message const&) { return Answer{0, abi::Error::None, words_of(status)}; };
    CHECK(call(195, address("/"), bad_address) == -14);
    CHECK(call(195, address("/"), 0xfffffff0) == -14);
    open_descriptor(0, proto::FileKind::Regular);
    CHECK(call(146, 0, bad_address, 2) == -14);
    CHECK(call(174, 5, bad_address, 0, 8) == -14);
    CHECK(call(168, bad_address, 3, 0) == -14);
    CHECK(call(102, 1, bad_address) == -14);
}

VDSO_TEST("pipe puts both ends where they belong") {
    open_descriptor(1, proto::FileKind::Regular);
    server = [&](Message const& message) {
        return message.label == label<proto::VfsSession::Pipe>() ? Answer{0, abi::Error::None, {}, 2} : Answer{};
    };
    int ends[2] = {};
    CHECK(call(331, address(ends), 0x80000) == 0);
    CHECK(ends[0] == 0);
    CHECK(ends[1] == 2);
    REQUIRE(log.size() == 3); // 0 and 2 are no neighbours: arrives elsewhere, moved
    CHECK(log[1].label == cnode_move);
    CHECK(log[2].label == cnode_move);
    log.clear();
    CHECK(call(42, address(ends)) == 0);
    CHECK(ends[0] == 3);
    CHECK(ends[1] == 4);
    CHECK(log.size() == 1);
    for (Word number = 0; number < 10; ++number) { CHECK(table().descriptors[number].reserved == 0); }
}
