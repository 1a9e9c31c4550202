// AF_UNIX sockets: names, connections, messages, descriptors on their way.
#include "world.hpp"

using namespace test;
using Type = LocalSocket::Type;

namespace {

struct Sockets : World {
    static std::vector<std::byte> address(std::string_view path) {
        std::string const text = LocalName::address(path);
        auto const* const data = reinterpret_cast<std::byte const*>(text.data());
        return {data, data + text.size()};
    }
    LocalSocket* make(Type type, std::uint32_t flags = 0) {
        return Vfs::socket_of(file(*files.create_socket(*root, static_cast<std::uint32_t>(type) | flags)));
    }
    std::array<LocalSocket*, 2> pair(Type type, std::uint32_t flags = 0) {
        auto const slots = files.socket_pair(*root, static_cast<std::uint32_t>(type) | flags);
        REQUIRE(slots.has_value());
        return {Vfs::socket_of(file((*slots)[0])), Vfs::socket_of(file((*slots)[1]))};
    }
    Error connect(LocalSocket* socket, std::string_view path, Session* who = nullptr) {
        FakeCaller caller{"", 0};
        return files.connect_socket(who != nullptr ? *who : *root, *socket, address(path), caller);
    }
    LocalSocket* accept(LocalSocket* listener) {
        FakeCaller caller{"", 0};
        auto const accepted = files.accept_socket(*listener, 0, caller);
        REQUIRE(accepted.has_value());
        return Vfs::socket_of(file(accepted->slot));
    }
    Ref<Parcel> parcel(std::initializer_list<OpenFile*> items) {
        Ref<Parcel> const made = files.parcel(port.minted_badges.at(*files.new_parcel(*root)))->parcel;
        for (OpenFile* item : items) { CHECK(made->add(item, 0) == Error::None); }
        return made;
    }
    Error send(LocalSocket* socket, std::string_view text, Ref<Parcel> with = {}) {
        FakeCaller caller{text, 0};
        Outgoing message;
        message.length = caller.read_length;
        message.parcel = std::move(with);
        auto const sent = files.send_message(*root, *socket, std::move(message), nullptr, {}, caller);
        return sent ? Error::None : sent.error();
    }
    /// The handles that new_parcel gave are put down, as a process does after sendmsg.
    void put_down_parcels() {
        auto const all = port.minted_badges;
        for (auto const& [slot, badge] : all) {
            if (files.parcel(badge) != nullptr) { files.close(badge); }
        }
    }
    void close(LocalSocket* socket) { World::close(socket->file); }
    using World::close;
};

} // namespace

TEST_CASE("a stream keeps order, both ways, to its end") {
    Sockets w;
    auto const before = w.files.usage();
    auto const [a, b] = w.pair(Type::Stream);
    CHECK(w.write(a->file, "one") == 3);
    CHECK(w.write(a->file, "two") == 3);
    CHECK(w.write(b->file, "back") == 4);
    CHECK(w.read(b->file, 4) == "onet");
    CHECK(w.read(b->file) == "wo");
    CHECK(w.read(a->file) == "back");
    FakeCaller reader{"", 10};
    CHECK(b->file->read(reader).error() == Error::Deferred);
    CHECK(w.write(a->file, "later") == 5);
    CHECK(w.port.finished.at(reader.token)->count == 5);
    CHECK(reader.output.substr(0, 5) == "later");
    FakeCaller last{"", 10};
    CHECK(b->file->read(last).error() == Error::Deferred);
    w.close(a);
    CHECK(w.port.finished.at(last.token)->count == 0);
    CHECK(w.write(b->file, "x").error() == Error::BrokenPipe);
    w.close(b);
    CHECK(w.files.usage() == before);
}

TEST_CASE("a full stream: the writer waits, and nothing is lost") {
    Sockets w;
    auto const [a, b] = w.pair(Type::Stream);
    std::string text(300000, ' ');
    for (std::size_t i = 0; i < text.size(); ++i) { text[i] = static_cast<char>('a' + i / 1000 % 26); }
    FakeCaller writer{text, 0};
    CHECK(a->file->write(writer).error() == Error::Deferred);
    CHECK((a->poll() & poll_event::out) == 0);
    std::string got;
    while (got.size() < text.size()) { got += w.read(b->file, 70000); }
    CHECK(got == text);
    CHECK(w.port.finished.at(writer.token)->count == 300000);
    CHECK((a->poll() & poll_event::out) != 0);
    FakeCaller broken{text, 0};
    CHECK(a->file->write(broken).error() == Error::Deferred);
    w.close(b);
    CHECK(w.port.finished.at(broken.token)->count == LocalSocket::Ring::capacity);
    CHECK((a->poll() & (poll_event::error | poll_event::hang_up)) == (poll_event::error | poll_event::hang_up));
    FakeCaller reset{"", 1};
    CHECK(a->file->read(reset).error() == Error::ConnectionReset);
    CHECK(w.read(a->file) == "");
    w.close(a);
}

TEST_CASE("a page that is missing keeps a packet whole") {
    Sockets w;
    auto const [a, b] = w.pair(Type::SequencedPacket);
    FakeCaller absent{std::string(6000, 'x'), 0};
    absent.missing_from = 5000;
    auto const first = a->file->write(absent);
    CHECK((first->count == 0 && first->fault != 0));
    CHECK((b->poll() & poll_event::in) == 0);
    absent.missing_from = ~0u;
    CHECK(a->file->write(absent)->count == 6000);
    FakeCaller reader{"", 6000};
    reader.missing_from = 100;
    auto const part = b->file->read(reader);
    CHECK((part->count == 0 && part->fault != 0));
    reader.missing_from = ~0u;
    CHECK(b->file->read(reader)->count == 6000);
    CHECK(reader.output == std::string(6000, 'x'));
    w.close(a);
    w.close(b);
}

TEST_CASE("names: in the tree with its permissions, abstract ones by network namespace") {
    Sockets w;
    auto const before = w.files.usage();
    LocalSocket* const listener = w.make(Type::Stream);
    w.root->umask = 077;
    CHECK(w.files.bind_socket(*w.root, *listener, Sockets::address("/name")) == Error::None);
    CHECK(w.stat("/name").mode == (mode::socket | 0700));
    CHECK(w.open_error("/name") == Error::NoDevice);
    LocalSocket *const client = w.make(Type::Stream), *const other = w.make(Type::Datagram);
    CHECK(w.files.bind_socket(*w.root, *client, Sockets::address("/name")) == Error::AddressInUse);
    CHECK(w.connect(client, "/name") == Error::ConnectionRefused);
    CHECK(w.connect(client, "/none") == Error::NoEntry);
    CHECK(w.files.listen_socket(*w.root, *listener, 0) == Error::None);
    CHECK(w.connect(other, "/name") == Error::WrongProtocolType);
    Session* const stranger = w.session(*w.files.fork_session(*w.root, false, false));
    stranger->who.user = stranger->who.group = 1000;
    stranger->who.capabilities = 0;
    CHECK(w.connect(client, "/name", stranger) == Error::Access);
    CHECK(w.connect(client, "/name") == Error::None);
    CHECK(w.connect(client, "/name") == Error::IsConnected);
    LocalSocket* const late = w.make(Type::Stream);
    FakeCaller waits{"", 0};
    CHECK(w.files.connect_socket(*w.root, *late, Sockets::address("/name"), waits) == Error::Deferred);
    LocalSocket* const server = w.accept(listener);
    CHECK(w.port.finished_units.at(waits.token) == Error::None);
    CHECK(w.write(client->file, "hello") == 5);
    CHECK(w.read(server->file) == "hello");
    CHECK(w.unlink("/name") == Error::None);
    // Abstract: another network namespace has names of its own.
    LocalSocket *const here = w.make(Type::Datagram), *const there = w.make(Type::Datagram);
    stranger->network = 2;
    std::string const name{"\0abstract", 9};
    CHECK(w.files.bind_socket(*w.root, *here, Sockets::address(name)) == Error::None);
    CHECK(w.files.bind_socket(*stranger, *there, Sockets::address(name)) == Error::None);
    LocalSocket* const third = w.make(Type::Datagram);
    CHECK(w.files.bind_socket(*w.root, *third, Sockets::address(name)) == Error::AddressInUse);
    CHECK(w.files.bind_socket(*w.root, *third, Sockets::address({})) == Error::None);
    CHECK(third->name.size() == 8);
    stranger->network = 0;
    LocalSocket* const fourth = w.make(Type::Datagram);
    CHECK(w.files.bind_socket(*stranger, *fourth, Sockets::address(name)) == Error::Elsewhere);
    CHECK(w.files.socket_table(1).find("@abstract") != std::string::npos);
    CHECK(w.files.socket_table(2).find("@abstract") == std::string::npos);
    for (LocalSocket* each : {client, server, late, other, here, there, third, fourth}) { w.close(each); }
    w.close(listener);
    w.files.close(stranger->badge);
    CHECK(w.files.usage() == before);
}

TEST_CASE("a listener that goes refuses who waits and resets who was not accepted") {
    Sockets w;
    LocalSocket *const listener = w.make(Type::Stream), *const first = w.make(Type::Stream),
                       *const second = w.make(Type::Stream);
    CHECK(w.files.bind_socket(*w.root, *listener, Sockets::address("/l")) == Error::None);
    CHECK(w.files.listen_socket(*w.root, *listener, 0) == Error::None);
    CHECK(w.connect(first, "/l") == Error::None);
    FakeCaller waits{"", 0}, accepting{"", 0};
    CHECK(w.files.connect_socket(*w.root, *second, Sockets::address("/l"), waits) == Error::Deferred);
    w.close(listener);
    CHECK(w.port.finished_units.at(waits.token) == Error::ConnectionRefused);
    FakeCaller reader{"", 1};
    CHECK(first->file->read(reader).error() == Error::ConnectionReset);
    w.close(first);
    w.close(second);
    // And one that waits to accept gets the connection when it comes.
    LocalSocket *const next = w.make(Type::Stream), *const client = w.make(Type::Stream);
    CHECK(w.unlink("/l") == Error::None);
    CHECK(w.files.bind_socket(*w.root, *next, Sockets::address("/l")) == Error::None);
    CHECK(w.files.listen_socket(*w.root, *next, 5) == Error::None);
    CHECK(w.files.accept_socket(*next, 0, accepting).error() == Error::Deferred);
    CHECK(w.connect(client, "/l") == Error::None);
    REQUIRE(w.port.finished_accepts.contains(accepting.token));
    LocalSocket* const server = Vfs::socket_of(w.file(w.port.finished_accepts.at(accepting.token)->slot));
    CHECK(w.write(server->file, "x") == 1);
    CHECK(w.read(client->file) == "x");
    for (LocalSocket* each : {next, client, server}) { w.close(each); }
}

TEST_CASE("descriptors on their way keep their files, and put them down with the message") {
    Sockets w;
    auto const before = w.files.usage();
    auto const [a, b] = w.pair(Type::Stream);
    auto const pipe = w.files.pipe(*w.root, open_flag::nonblock);
    OpenFile *const reader = w.file((*pipe)[0]), *const writer = w.file((*pipe)[1]);
    CHECK(w.send(a, "one", w.parcel({writer})) == Error::None);
    w.put_down_parcels();
    w.files.close(writer->badge); // nobody holds it, but the message
    FakeCaller caller{"", 1};
    CHECK(reader->read(caller).error() == Error::Again);
    FakeCaller into{"", 10};
    auto const got = b->receive(into, 10, 0, true, LocalSocket::Style::Message);
    REQUIRE((got.has_value() && got->parcel_slot != 0));
    ParcelHandle* const handle = w.files.parcel(w.port.held_badges.at(got->parcel_slot));
    auto const taken = w.files.take_from(*handle->parcel, 0);
    REQUIRE(taken.has_value());
    CHECK(w.port.held_badges.at(taken->first) == writer->badge);
    CHECK(w.files.take_from(*handle->parcel, 1).error() == Error::NoData);
    const_cast<Result<Incoming>&>(got)->parcel = {};
    w.put_down_parcels();
    CHECK(w.write(writer, "x") == 1);
    CHECK(w.read(reader) == "x");
    // A plain read drops them, and so does the end of the socket.
    CHECK(w.send(a, "two", w.parcel({writer})) == Error::None);
    w.put_down_parcels();
    w.files.close(writer->badge);
    CHECK(w.read(b->file) == "two");
    CHECK(w.read(reader) == "");
    w.close(reader);
    w.close(a);
    w.close(b);
    CHECK(w.files.usage() == before);
}

TEST_CASE("sockets that only name each other end") {
    Sockets w;
    auto const before = w.files.usage();
    auto const [a, b] = w.pair(Type::Stream);
    auto const [c, d] = w.pair(Type::Datagram);
    CHECK(w.send(a, "x", w.parcel({b->file})) == Error::None); // b waits in itself
    CHECK(w.send(b, "x", w.parcel({a->file, d->file})) == Error::None);
    CHECK(w.send(c, "x", w.parcel({a->file})) == Error::None);
    w.put_down_parcels();
    w.files.close(a->file->badge);
    w.files.close(b->file->badge);
    CHECK(w.files.open_files() == 3); // a can be received from d; b was in its own queue alone
    w.files.close(d->file->badge);
    CHECK(w.files.open_files() == 1);
    w.close(c);
    CHECK(w.files.usage() == before);
    // Bounded all the same.
    auto const [e, f] = w.pair(Type::Stream);
    Ref<Parcel> const many = w.parcel({});
    for (std::uint32_t i = 0; i < Parcel::capacity; ++i) { CHECK(many->add(f->file, 0) == Error::None); }
    CHECK(many->add(f->file, 0) == Error::Invalid);
    many->clear();
    w.put_down_parcels();
    w.close(e);
    w.close(f);
}

TEST_CASE("who sends is shown to who asks") {
    Sockets w;
    auto const [a, b] = w.pair(Type::Datagram);
    b->passes_credentials = true;
    CHECK(w.write(a->file, "x").error() == Error::Elsewhere);
    w.root->who.process = 42;
    CHECK(w.send(a, "x") == Error::None);
    FakeCaller into{"", 10};
    auto const got = b->receive(into, 10, 0, true, LocalSocket::Style::Message);
    CHECK((got->wants_identity && got->who.process == 42 && got->who.user == 0));
    proto::MessageCredentials const claim{7, 0, 0};
    FakeCaller caller{"y", 0};
    Outgoing message;
    message.length = 1;
    w.root->who.capabilities = 0;
    CHECK(w.files.send_message(*w.root, *a, message, &claim, {}, caller).error() == Error::NotPermitted);
    w.close(a);
    w.close(b);
}

TEST_CASE("datagrams: a queue of eleven from strangers, and a receiver that leaves") {
    Sockets w;
    LocalSocket *const receiver = w.make(Type::Datagram), *const sender = w.make(Type::Datagram, open_flag::nonblock);
    CHECK(w.files.bind_socket(*w.root, *receiver, Sockets::address("/d")) == Error::None);
    CHECK(w.connect(sender, "/d") == Error::None);
    int count = 0;
    while (w.write(sender->file, "flood").has_value()) { ++count; }
    CHECK(count == 11);
    CHECK((sender->poll() & poll_event::out) == 0);
    CHECK(sender->file->arm(poll_event::out, 1, 99) == 0u);
    CHECK(w.read(receiver->file, 3) == "flo"); // the rest is lost
    CHECK(w.port.signalled == std::vector<Slot>{99});
    w.close(receiver);
    CHECK(w.write(sender->file, "x").error() == Error::ConnectionRefused);
    CHECK(w.write(sender->file, "x").error() == Error::NotConnected);
    w.close(sender);
}
