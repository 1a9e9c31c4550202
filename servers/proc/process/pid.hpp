// PIDs: numbers in hierarchical namespaces. As in Linux a `Pid` is the thing that has numbers, one in its own namespace and one in
// every ancestor; a thread, a process (its leader's), a process group and a session each refer to one.
#pragma once
#include "../namespaces/user_namespace.hpp"
#include "list.hpp"
#include <cstdint>
#include <expected>
#include <memory>

namespace proc {

struct Process;
struct Thread;
struct Pid;
struct Handle;
class Domain;

/// A PID namespace (pid_namespaces(7)). Lives as long as it has PIDs, child namespaces or pins.
class PidNamespace {
public:
    static constexpr unsigned maximum_depth = 33; ///< 32 below the first, as Linux
    /// One past the highest number that is given out (/proc/sys/kernel/pid_max), within these bounds.
    static inline std::int32_t pid_maximum = 32768;
    static constexpr std::int32_t pid_maximum_least = 301, pid_maximum_most = 32768;

    /// parent null: the root of a tree (the root container's, or a sealed container's). `owner`: its owning user namespace, charged for
    /// every one that has a parent.
    PidNamespace(PidNamespace* parent, std::uint32_t inode, UserNamespace& owner, std::uint32_t charged_user = 0);
    ~PidNamespace();
    PidNamespace(PidNamespace const&) = delete;
    PidNamespace& operator=(PidNamespace const&) = delete;

    [[nodiscard]] Pid* find(std::int32_t number) const;
    [[nodiscard]] PidNamespace* parent() const { return parent_; }
    [[nodiscard]] unsigned level() const { return level_; }
    [[nodiscard]] std::uint32_t inode() const { return inode_; }
    /// `other` is this or below it.
    [[nodiscard]] bool contains(PidNamespace const& other) const;
    void retain() { ++references_; }
    /// Deletes it with the last reference.
    void release();
    [[nodiscard]] std::uint32_t references() const { return references_; }
    /// The number given out last.
    [[nodiscard]] std::int32_t last() const { return last_; }
    /// The smallest number >= `from` in use, 0: none (for readdir of /proc).
    [[nodiscard]] std::int32_t next_used(std::int32_t from) const;

    Process* init = nullptr; ///< its PID 1
    bool dead = false;       ///< init has ended: no process can be made here any more
    UserReference const owner;
    static std::uint32_t count; ///< of all namespaces that there are

private:
    friend struct Pid;
    static constexpr unsigned buckets = 128;
    std::int32_t choose();
    std::uint32_t charged_user_;
    PidNamespace* parent_;
    unsigned level_;
    std::uint32_t inode_;
    std::uint32_t references_ = 1;
    std::int32_t last_ = 0;
    /// Made with the first PID: many a namespace never has one.
    std::unique_ptr<struct PidNumber*[]> table_;
};

struct PidNumber {
    std::int32_t number = 0;
    PidNamespace* space = nullptr;
    Pid* pid = nullptr;
    PidNumber* next = nullptr;
};

struct Pid {
    /// Null if a namespace on the way up is full or dead.
    static Pid* create(PidNamespace& space);
    void retain() { ++references; }
    /// Deletes it (and frees its numbers) with the last reference.
    void release();
    /// Its number as `viewer` shows it, 0 if it is not visible there.
    [[nodiscard]] std::int32_t number_in(PidNamespace const& viewer) const;
    [[nodiscard]] std::int32_t number() const { return numbers[level].number; }
    [[nodiscard]] PidNamespace& space() const { return *numbers[level].space; }

    std::uint32_t references = 1;
    std::uint32_t global = 0; ///< unique while it lives, over all namespaces: what tty knows groups and sessions by
    unsigned level = 0;
    Thread* thread = nullptr;   ///< the thread with this TID
    Process* process = nullptr; ///< the process with this PID (also a zombie)
    Pid* global_next = nullptr;
    Process* group_first = nullptr;   ///< members of the process group with this number
    Process* session_first = nullptr; ///< members of the session
    struct Handle* handles = nullptr; ///< pidfds of the process (namespaces/handles.hpp)
    std::unique_ptr<PidNumber[]> numbers;
    static Pid* find_global(std::uint32_t global);
};

} // namespace proc
