// Reference counts kept in the objects themselves. One thread per server: no locks.
#pragma once
#include <cstdint>
#include <utility>

namespace vfs {

/// Base of counted objects. The owner type gives `void unreferenced()`, called when the last Ref goes.
struct Counted {
    std::uint32_t references = 0;
};

template <class T>
class Ref {
public:
    Ref() = default;
    Ref(T* object) : object_{object} {
        if (object_ != nullptr) { ++object_->references; }
    }
    Ref(Ref const& other) : Ref{other.object_} {}
    Ref(Ref&& other) noexcept : object_{std::exchange(other.object_, nullptr)} {}
    Ref& operator=(Ref other) noexcept {
        std::swap(object_, other.object_);
        return *this;
    }
    ~Ref() { reset(); }
    void reset() {
        T* object = std::exchange(object_, nullptr);
        if (object != nullptr && --object->references == 0) { object->unreferenced(); }
    }
    /// Gives up the object without counting down.
    [[nodiscard]] T* release() { return std::exchange(object_, nullptr); }
    [[nodiscard]] T* get() const { return object_; }
    T* operator->() const { return object_; }
    T& operator*() const { return *object_; }
    explicit operator bool() const { return object_ != nullptr; }
    bool operator==(T const* other) const { return object_ == other; }

private:
    T* object_ = nullptr;
};

} // namespace vfs
