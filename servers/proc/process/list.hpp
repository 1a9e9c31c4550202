// Intrusive doubly linked lists: an object is in a list by a Link member of its own, so joining and leaving allocate nothing.
#pragma once

namespace proc {

template <class T>
struct Link {
    T* previous = nullptr;
    T* next = nullptr;
    void* list = nullptr; ///< the List it is in, null: none
};

/// A list of T through the member `link`. Does not own its elements.
template <class T, Link<T> T::*link>
class List {
public:
    List() = default;
    List(List const&) = delete;
    List& operator=(List const&) = delete;

    [[nodiscard]] T* first() const { return first_; }
    [[nodiscard]] T* next(T const& element) const { return (element.*link).next; }
    [[nodiscard]] bool empty() const { return first_ == nullptr; }
    [[nodiscard]] unsigned size() const { return size_; }
    [[nodiscard]] bool contains(T const& element) const { return (element.*link).list == this; }

    /// At the end; `element` must be in no list.
    void add(T& element) {
        Link<T>& own = element.*link;
        own = {last_, nullptr, this};
        (last_ != nullptr ? (last_->*link).next : first_) = &element;
        last_ = &element;
        ++size_;
    }
    /// Nothing happens if it is not in this list.
    void remove(T& element) {
        Link<T>& own = element.*link;
        if (own.list != this) return;
        (own.previous != nullptr ? (own.previous->*link).next : first_) = own.next;
        (own.next != nullptr ? (own.next->*link).previous : last_) = own.previous;
        own = {};
        --size_;
    }
    /// Calls visit(T&) for each; `visit` may remove the element it is given.
    template <class Visitor>
    void each(Visitor visit) const {
        for (T* element = first_; element != nullptr;) {
            T* following = (element->*link).next;
            visit(*element);
            element = following;
        }
    }

private:
    T* first_ = nullptr;
    T* last_ = nullptr;
    unsigned size_ = 0;
};

} // namespace proc
