// A queue that takes no memory while it is empty.
#pragma once
#include <cstddef>
#include <utility>
#include <vector>

namespace vfs {

template <class T>
class Fifo {
public:
    [[nodiscard]] bool empty() const { return first_ == items_.size(); }
    [[nodiscard]] std::size_t size() const { return items_.size() - first_; }
    T& operator[](std::size_t index) { return items_[first_ + index]; }
    T const& operator[](std::size_t index) const { return items_[first_ + index]; }
    T& front() { return items_[first_]; }
    T& back() { return items_.back(); }
    void push(T item) { items_.push_back(std::move(item)); }
    T pop() {
        T taken = std::move(items_[first_]);
        if (++first_ == items_.size()) {
            items_.clear();
            if (items_.capacity() > kept) { items_.shrink_to_fit(); }
            first_ = 0;
        } else if (first_ >= 16 && first_ * 2 >= items_.size()) {
            items_.erase(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(first_));
            first_ = 0;
        }
        return taken;
    }
    /// Everything there is, oldest first; it is empty then.
    std::vector<T> take_all() {
        items_.erase(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(std::exchange(first_, 0)));
        return std::exchange(items_, {});
    }
    /// Takes out those that `predicate` is true of.
    template <class Predicate>
    void erase_if(Predicate predicate) {
        items_.erase(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(std::exchange(first_, 0)));
        std::erase_if(items_, predicate);
    }

private:
    static constexpr std::size_t kept = 4;
    std::vector<T> items_;
    std::size_t first_ = 0;
};

} // namespace vfs
