// Marshalling of the types that method.hpp lists. Writer and Reader work on the calling thread's IPC buffer; words 0 and 1
// of its message array, which the kernel does not use, stage the register words.
//
// A malformed message is never trusted: Reader notes it and complete() says false. Sizes are checked when compiled.
#pragma once
#include "method.hpp"
#include "sys.hpp"
#include <concepts>
#include <type_traits>

namespace ipc {

/// Puts a request or reply together. After the last put: info(label).
class Writer {
public:
    explicit Writer(abi::IpcBuffer& target, Word path_capacity = 0) : buffer_{target}, path_capacity_{path_capacity} {}

    /// `bytes` rounded up to words; the last word's rest is zero.
    void put_bytes(void const* data, std::size_t bytes) {
        Word const words = static_cast<Word>((bytes + 3) / 4);
        if (bytes % 4 != 0) { buffer_.message[length_ + words - 1] = 0; }
        std::memcpy(&buffer_.message[length_], data, bytes);
        length_ += words;
    }
    void put_word(Word word) { buffer_.message[length_++] = word; }
    void put_capability(CapabilityPointer slot) { buffer_.capabilities[capabilities_++] = slot; }
    void put_read_buffer(void const* data, std::size_t length) {
        flags_ |= abi::MessageInfo::read_buffer;
        buffer_.read_length = static_cast<Word>(length);
        buffer_.read_address = static_cast<Word>(reinterpret_cast<std::uintptr_t>(data));
#ifdef CELLA_HOST_TEST
        host::bulk_pointers().read = data;
#endif
    }
    void put_write_buffer(void* data, std::size_t length) {
        flags_ |= abi::MessageInfo::write_buffer;
        buffer_.write_length = static_cast<Word>(length);
        buffer_.write_address = static_cast<Word>(reinterpret_cast<std::uintptr_t>(data));
#ifdef CELLA_HOST_TEST
        host::bulk_pointers().write = data;
#endif
    }
    /// Several long paths share one readable buffer: it spans them all, each says its offset.
    void put_path(Path const& path, bool declare) {
        if (path.data == nullptr || path.length > path_capacity_) {
            Word const first_word = length_;
            put_word(path.length | path_in_buffer);
            put_word(path.offset);
            if (path.data != nullptr) {
                if (declare) {
                    extend_read_buffer(path, first_word + 1);
                } else {
                    failed_ = true;
                }
            }
            return;
        }
        put_word(path.length);
        Word const offset_word = length_;
        put_word(0);
        put_bytes(path.data, path.length);
        if (declare) { extend_read_buffer(path, offset_word); }
    }

    /// A path was too long for a message whose readable buffer is taken.
    [[nodiscard]] bool failed() const { return failed_; }
    [[nodiscard]] abi::MessageInfo info(Word label) const { return {label, length_, capabilities_, flags_}; }
    [[nodiscard]] Word length() const { return length_; }
    [[nodiscard]] Word word0() const { return length_ > 0 ? buffer_.message[0] : 0; }
    [[nodiscard]] Word word1() const { return length_ > 1 ? buffer_.message[1] : 0; }

    static constexpr Word path_in_buffer = Word{1} << 31;

private:
    /// The word at `offset_word` becomes the path's place in the readable buffer, which grows to hold it.
    void extend_read_buffer(Path const& path, Word offset_word) {
        if (path_count_ == 0) {
            put_read_buffer(path.data, path.length);
            first_path_ = path.data;
            first_offset_word_ = offset_word;
        } else { // at most two paths: checked when compiled
            char const* const start = std::min(first_path_, path.data);
            char const* const end = std::max(first_path_ + buffer_.read_length, path.data + path.length);
            put_read_buffer(start, static_cast<std::size_t>(end - start));
            buffer_.message[first_offset_word_] = static_cast<Word>(first_path_ - start);
            buffer_.message[offset_word] = static_cast<Word>(path.data - start);
        }
        ++path_count_;
    }

    abi::IpcBuffer& buffer_;
    Word path_capacity_;
    Word length_ = 0;
    Word capabilities_ = 0;
    Word flags_ = 0;
    bool failed_ = false;
    Word path_count_ = 0;
    Word first_offset_word_ = 0;
    char const* first_path_ = nullptr;
};

/// Takes a message apart that has arrived in `source` with words 0 and 1 already stored there.
class Reader {
public:
    Reader(abi::MessageInfo info, abi::IpcBuffer const& source)
        : buffer_{&source}, info_{info}, length_{std::min(info.length(), abi::message_words)} {}

    /// Always readable memory of that size; its content counts only if complete() says so in the end.
    void const* take(std::size_t bytes) {
        Word const words = static_cast<Word>((bytes + 3) / 4);
        Word const start = position_;
        if (words > length_ - start) {
            failed_ = true;
            return &buffer_->message[0];
        }
        position_ = start + words;
        return &buffer_->message[start];
    }
    Word take_word() {
        Word word;
        std::memcpy(&word, take(sizeof word), sizeof word);
        return word;
    }
    void fail() { failed_ = true; }
    [[nodiscard]] Word remaining() const { return length_ - position_; }

    struct Capability {
        CapabilityPointer slot;
        Word badge;
        bool unwrapped;
    };
    Capability take_capability() {
        if (capability_ >= info_.capabilities()) {
            failed_ = true;
            return {};
        }
        Word const index = capability_++;
        Word const word = buffer_->capabilities[index];
        bool const unwrapped = (info_.unwrapped() >> index & 1) != 0;
        return unwrapped ? Capability{0, word, true} : Capability{word, 0, false};
    }
    [[nodiscard]] Word read_length() const { return info_.has_read_buffer() ? buffer_->caller_read_length : 0; }
    [[nodiscard]] Word write_length() const { return info_.has_write_buffer() ? buffer_->caller_write_length : 0; }
    /// Everything asked for was there, and no capability is left over.
    [[nodiscard]] bool complete() const { return !failed_ && capability_ == info_.capabilities(); }

    /// Decodes one value: for Error::Elsewhere replies. BadMessage if it is not there.
    template <class T>
    Result<T> read();

private:
    abi::IpcBuffer const* buffer_;
    abi::MessageInfo info_;
    Word length_;
    Word position_ = 0;
    Word capability_ = 0;
    bool failed_ = false;
};

/// How T travels. `words` is the most it takes; a Path's inline bytes are not in it.
template <class T>
struct Codec {
    static_assert(std::is_trivially_copyable_v<T>, "only trivially copyable types and those of method.hpp travel");
    static constexpr std::size_t words = std::is_empty_v<T> ? 0 : (sizeof(T) + 3) / 4;
    static constexpr std::size_t capabilities = 0, read_buffers = 0, write_buffers = 0, paths = 0;
    static void put(Writer& writer, T const& value) {
        if constexpr (!std::is_empty_v<T>) { writer.put_bytes(&value, sizeof(T)); }
    }
    static void get(Reader& reader, T& value) {
        if constexpr (!std::is_empty_v<T>) {
            std::memcpy(static_cast<void*>(&value), reader.take(sizeof(T)), sizeof(T));
        }
    }
};

/// What most codecs have in common.
template <std::size_t words_, std::size_t capabilities_ = 0>
struct CodecSize {
    static constexpr std::size_t words = words_, capabilities = capabilities_, read_buffers = 0, write_buffers = 0,
                                 paths = 0;
};

template <>
struct Codec<bool> : CodecSize<1> {
    static void put(Writer& writer, bool value) { writer.put_word(value ? 1 : 0); }
    static void get(Reader& reader, bool& value) { value = reader.take_word() != 0; }
};

template <std::size_t N>
struct Codec<Text<N>> : CodecSize<1 + (N + 3) / 4> {
    static void put(Writer& writer, Text<N> const& value) {
        std::size_t const length = std::min<std::size_t>(value.length, N);
        writer.put_word(static_cast<Word>(length));
        writer.put_bytes(value.data, length);
    }
    static void get(Reader& reader, Text<N>& value) {
        Word const length = reader.take_word();
        if (length > N) {
            reader.fail();
            value.length = 0;
            return;
        }
        value.length = static_cast<std::uint16_t>(length);
        std::memcpy(value.data, reader.take(length), length);
    }
};

template <std::size_t N>
struct Codec<Bytes<N>> : CodecSize<1 + (N + 3) / 4> {
    static void put(Writer& writer, Bytes<N> const& value) {
        std::size_t const length = std::min<std::size_t>(value.length, N);
        writer.put_word(static_cast<Word>(length));
        writer.put_bytes(value.data, length);
    }
    static void get(Reader& reader, Bytes<N>& value) {
        Word const length = reader.take_word();
        if (length > N) {
            reader.fail();
            value.length = 0;
            return;
        }
        value.length = static_cast<std::uint16_t>(length);
        std::memcpy(value.data, reader.take(length), length);
    }
};

template <class P>
struct Codec<Cap<P>> : CodecSize<0, 1> {
    static void put(Writer& writer, Cap<P> value) { writer.put_capability(value.slot); }
    static void get(Reader& reader, Cap<P>& value) {
        value.slot = reader.take_capability().slot;
        if (value.slot == 0) { // lost, or the receiver's own: a Cap cannot say so
            reader.fail();
        }
    }
};

template <class P>
struct Codec<OptionalCap<P>> : CodecSize<1, 1> {
    static void put(Writer& writer, OptionalCap<P> const& value) {
        writer.put_word(value.slot != 0 ? 1 : 0);
        if (value.slot != 0) { writer.put_capability(value.slot); }
    }
    static void get(Reader& reader, OptionalCap<P>& value) {
        value = {};
        if (reader.take_word() != 0) {
            auto const arrived = reader.take_capability();
            value.slot = arrived.slot;
            value.badge = arrived.badge;
            value.unwrapped = arrived.unwrapped;
            if (!value.present()) { reader.fail(); }
        }
    }
};

template <>
struct Codec<ReadBuffer> : CodecSize<0> {
    static constexpr std::size_t read_buffers = 1;
    static void put(Writer& writer, ReadBuffer const& value) { writer.put_read_buffer(value.data, value.length); }
    static void get(Reader& reader, ReadBuffer& value) { value = {nullptr, reader.read_length()}; }
};

template <>
struct Codec<WriteBuffer> : CodecSize<0> {
    static constexpr std::size_t write_buffers = 1;
    static void put(Writer& writer, WriteBuffer const& value) { writer.put_write_buffer(value.data, value.length); }
    static void get(Reader& reader, WriteBuffer& value) { value = {nullptr, reader.write_length()}; }
};

/// A Path on the server's side with room for its inline bytes: the IPC buffer changes with the next call.
struct StoredPath : Path {
    char storage[Path::capacity];
};
template <>
struct Codec<Path> : CodecSize<2> {
    static constexpr std::size_t paths = 1;
    static void get(Reader& reader, StoredPath& value) {
        Word const word = reader.take_word();
        value.offset = reader.take_word();
        value.length = word & ~Writer::path_in_buffer;
        value.in_buffer = (word & Writer::path_in_buffer) != 0;
        value.data = nullptr;
        if (!value.in_buffer) {
            if (value.length > Path::capacity) {
                reader.fail();
                value.length = 0;
                return;
            }
            std::memcpy(value.storage, reader.take(value.length), value.length);
            value.data = value.storage;
        }
    }
};

template <class... Ts>
struct Codec<std::tuple<Ts...>> {
    static constexpr std::size_t words = (std::size_t{0} + ... + Codec<Ts>::words);
    static constexpr std::size_t capabilities = (std::size_t{0} + ... + Codec<Ts>::capabilities);
    static constexpr std::size_t read_buffers = (std::size_t{0} + ... + Codec<Ts>::read_buffers);
    static constexpr std::size_t write_buffers = (std::size_t{0} + ... + Codec<Ts>::write_buffers);
    static constexpr std::size_t paths = (std::size_t{0} + ... + Codec<Ts>::paths);
    static void put(Writer& writer, std::tuple<Ts...> const& value) {
        std::apply([&](Ts const&... each) { (Codec<Ts>::put(writer, each), ...); }, value);
    }
    static void get(Reader& reader, std::tuple<Ts...>& value) {
        std::apply([&](Ts&... each) { (Codec<Ts>::get(reader, each), ...); }, value);
    }
};

template <class T>
Result<T> Reader::read() {
    T value;
    Codec<T>::get(*this, value);
    if (failed_) { return ipc::fail(Error::BadMessage); }
    return value;
}

/// The limits of an operation's messages, checked once per operation: errors name M.
template <class M>
struct Checked {
    using Request = Codec<typename M::Request>;
    using Reply = Codec<typename M::Reply>;
    static_assert(Request::words <= abi::message_words, "this operation's request can exceed 64 words");
    static_assert(Reply::words <= abi::message_words, "this operation's reply can exceed 64 words");
    static_assert(Request::capabilities <= abi::message_capabilities,
                  "this operation's request has more than 3 capabilities");
    static_assert(Reply::capabilities <= abi::message_capabilities,
                  "this operation's reply has more than 3 capabilities");
    static_assert(Request::read_buffers <= 1, "this operation's request has more than one ReadBuffer");
    static_assert(Request::write_buffers <= 1, "this operation's request has more than one WriteBuffer");
    static_assert(Request::paths <= 2, "this operation's request has more than two Paths");
    static_assert(Reply::read_buffers == 0 && Reply::write_buffers == 0 && Reply::paths == 0,
                  "buffers and Paths travel in requests only");
    /// Bytes of each path that fit inline whatever else the request holds.
    static constexpr Word path_capacity =
        Request::paths == 0
            ? 0
            : static_cast<Word>(std::min(Path::capacity, (abi::message_words - Request::words) /
                                                             std::max<std::size_t>(Request::paths, 1) * 4));
    static constexpr bool declares_paths = Request::read_buffers == 0;

    template <class A>
    static void put(Writer& writer, A const& argument) {
        if constexpr (std::is_same_v<A, Path>) {
            writer.put_path(argument, declares_paths);
        } else {
            Codec<A>::put(writer, argument);
        }
    }
};

/// Duplicate operation numbers and foreign operations are compile errors.
template <class List>
struct CheckedMethods;
template <class... Ms>
struct CheckedMethods<Methods<Ms...>> {
    static constexpr bool unique() {
        bool seen[64] = {};
        bool good = true;
        ((good = good && !seen[Ms::number], seen[Ms::number] = true), ...);
        return good;
    }
    static_assert(unique(), "two operations of this protocol have the same number");
    static constexpr bool value = unique();
};

} // namespace ipc
