// A kernel for host tests: chunks are host memory, mappings a table that tests look at. Checks what the real kernel would
// refuse.
#pragma once
#include "../memory/file_object.hpp"
#include <cstdlib>
#include <cstring>
#include <map>
#include <set>

namespace proc {

class FakeKernel : public Kernel {
public:
    struct Entry {
        CapabilityPointer frame;
        Word rights;
    };
    std::map<std::pair<CapabilityPointer, Address>, Entry> mapped;
    std::map<CapabilityPointer, abi::ObjectType> objects;
    std::map<CapabilityPointer, std::byte*> file_frames;   ///< contents
    std::map<std::byte const*, CapabilityPointer> windows; ///< page of the window -> frame
    Word chunk_limit = 64, chunks = 0, windows_reserved = 0, capabilities = 0;

    ~FakeKernel() override {
        for (auto& [frame, bytes] : file_frames) std::free(bytes);
    }

    Result<ChunkMemory> allocate_chunk() override {
        if (chunks == chunk_limit) return fail(Error::NoMemory);
        ++chunks;
        ChunkMemory chunk;
        chunk.number = next_chunk_++;
        chunk.node = (chunk.number + 1) << 20;
        chunk.window = static_cast<std::byte*>(std::aligned_alloc(abi::page_size, chunk_bytes));
        free_[chunk.number] = chunk_bytes;
        return chunk;
    }
    void release_chunk(ChunkMemory const& chunk) override {
        --chunks;
        std::erase_if(mapped, [&](auto const& entry) {
            return entry.second.frame >> 20 == chunk.node >> 20 || entry.first.first >> 20 == chunk.node >> 20;
        });
        std::erase_if(objects, [&](auto const& entry) { return entry.first >> 20 == chunk.node >> 20; });
        std::free(chunk.window);
    }
    Status make(ChunkMemory const& chunk, abi::ObjectType type, Word size_bits, Word first, Word count) override {
        Word const bytes = abi::object_size(type, size_bits).bytes * count;
        if (free_[chunk.number] < bytes) return fail(Error::NoMemory);
        free_[chunk.number] -= bytes;
        for (Word i = 0; i < count; ++i) objects[chunk.node + first + i] = type;
        return done();
    }
    std::byte* reserve_window() override {
        ++windows_reserved;
        return static_cast<std::byte*>(std::aligned_alloc(abi::page_size, chunk_bytes));
    }
    void release_window(std::byte* window) override {
        --windows_reserved;
        std::erase_if(windows,
                      [&](auto const& entry) { return entry.first >= window && entry.first < window + chunk_bytes; });
        std::free(window);
    }
    Status map_window(CapabilityPointer frame, std::byte const* place, Word) override {
        if (auto found = file_frames.find(frame); found != file_frames.end()) {
            std::memcpy(const_cast<std::byte*>(place), found->second, abi::page_size);
            windows[place] = frame;
        } else {
            std::memset(const_cast<std::byte*>(place), 0, abi::page_size);
        }
        return done();
    }
    bool valid(CapabilityPointer frame) override { return file_frames.contains(frame) || objects.contains(frame); }
    void drop(CapabilityPointer capability) override {
        --capabilities;
        std::erase_if(mapped, [&](auto const& entry) { return entry.second.frame == capability; });
        if (auto found = file_frames.find(capability); found != file_frames.end()) {
            std::free(found->second);
            file_frames.erase(found);
        }
    }
    void destroy(CapabilityPointer object) override {
        if (objects.erase(object) == 0) std::abort();
    }
    Result<CapabilityPointer> duplicate(CapabilityPointer capability) override {
        ++capabilities;
        return capability;
    }
    /// A frame of a file, one capability.
    CapabilityPointer make_file_frame(std::span<std::byte const> contents) {
        auto* bytes = static_cast<std::byte*>(std::calloc(1, abi::page_size));
        std::memcpy(bytes, contents.data(), contents.size());
        file_frames[next_frame_] = bytes;
        ++capabilities;
        return next_frame_++;
    }
    /// The server takes a frame back.
    void revoke(CapabilityPointer frame) {
        std::erase_if(mapped, [&](auto const& entry) { return entry.second.frame == frame; });
        if (auto found = file_frames.find(frame); found != file_frames.end()) {
            std::free(found->second);
            file_frames.erase(found);
        }
    }

    Status map(CapabilityPointer space, CapabilityPointer frame, Address address, Word rights) override {
        if (!objects.contains(frame) && !file_frames.contains(frame)) return fail(Error::NoEntry);
        if (!tables_.contains({space, address >> 22})) std::abort();
        if (!mapped.try_emplace({space, address}, Entry{frame, rights}).second) return fail(Error::Exists);
        return done();
    }
    Status map_table(CapabilityPointer space, CapabilityPointer table, Address address) override {
        if (!objects.contains(table) || !tables_.try_emplace({space, address >> 22}, table).second) std::abort();
        return done();
    }
    void unmap_table(CapabilityPointer table) override {
        std::erase_if(tables_, [&](auto const& entry) { return entry.second == table; });
    }
    void unmap(CapabilityPointer space, Address address, Word pages) override {
        for (Word i = 0; i < pages; ++i) mapped.erase({space, address + i * abi::page_size});
    }
    Word protect(CapabilityPointer space, Address address, Word pages, Word rights) override {
        Word count = 0;
        for (Word i = 0; i < pages; ++i) {
            if (auto found = mapped.find({space, address + i * abi::page_size}); found != mapped.end()) {
                found->second.rights = rights;
                ++count;
            }
        }
        return count;
    }
    void copy_range(CapabilityPointer from, CapabilityPointer to, Address address, Word pages, Word mask,
                    bool restrict) override {
        for (Word i = 0; i < pages; ++i) {
            Address const page = address + i * abi::page_size;
            auto found = mapped.find({from, page});
            if (found == mapped.end()) continue;
            if (!mapped.try_emplace({to, page}, Entry{found->second.frame, found->second.rights & mask}).second) return;
            if (restrict) found->second.rights &= mask;
        }
    }
    void copy_window(std::byte const* from, CapabilityPointer to, Address address, Word pages) override {
        for (Word i = 0; i < pages; ++i) {
            auto found = windows.find(from + i * abi::page_size);
            if (found != windows.end() && file_frames.contains(found->second))
                mapped.try_emplace({to, address + i * abi::page_size}, Entry{found->second, abi::right::read});
        }
    }

private:
    Word next_chunk_ = 0;
    CapabilityPointer next_frame_ = 1000;
    std::map<Word, Word> free_;
    std::map<std::pair<CapabilityPointer, Word>, CapabilityPointer> tables_;
};

/// Files as buffers; a file's capability is its index + 1.
class FakeFiles : public PageSource {
public:
    Status deny_write(CapabilityPointer file, bool deny) override {
        if (deny && open_for_writing.contains(file)) return fail(Error::TextBusy);
        if (deny) {
            running.insert(file);
        } else {
            running.erase(file);
        }
        return {};
    }
    std::set<CapabilityPointer> running, open_for_writing; ///< deny_write
    explicit FakeFiles(FakeKernel& kernel) : kernel_{kernel} {}
    struct File {
        std::vector<std::byte> bytes;
        proto::FileStatus status{};
    };
    std::map<CapabilityPointer, File> files;
    Word fetched = 0;
    CapabilityPointer add(std::span<std::byte const> bytes) {
        auto const number = static_cast<CapabilityPointer>(files.size() + 1);
        File& file = files[number];
        file.bytes.assign(bytes.begin(), bytes.end());
        file.status.inode = number;
        file.status.links = 1;
        file.status.mode = 0100755;
        ++kernel_.capabilities;
        return number;
    }
    bool refuse_attachments = false;
    Result<CapabilityPointer> attach_again(CapabilityPointer attachment) override {
        if (refuse_attachments) return fail(Error::NoMemory);
        ++kernel_.capabilities;
        return attachment;
    }
    /// As another open of it gives.
    CapabilityPointer open(CapabilityPointer file) {
        ++kernel_.capabilities;
        return file;
    }
    Result<Fetched> page(CapabilityPointer file, Word index, bool) override {
        auto const& bytes = files.at(file).bytes;
        std::size_t const start = std::size_t{index} * abi::page_size;
        if (start >= bytes.size()) return fail(Error::Invalid);
        auto const part =
            std::span{bytes}.subspan(start).first(std::min<std::size_t>(bytes.size() - start, abi::page_size));
        ++fetched;
        return Fetched{kernel_.make_file_frame(part), static_cast<Word>(part.size())};
    }
    Result<proto::FileStatus> status(CapabilityPointer file) override {
        File const& entry = files.at(file);
        proto::FileStatus status = entry.status;
        status.size = entry.bytes.size();
        return status;
    }

private:
    FakeKernel& kernel_;
};

} // namespace proc
