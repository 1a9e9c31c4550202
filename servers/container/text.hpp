// Small texts that several verbs need.
#pragma once
#include "container.hpp"
#include "proto/network.hpp"
#include "request.hpp"
#include <algorithm>

namespace container {

inline std::string number_text(std::uint64_t number) {
    std::string text;
    do {
        text.insert(text.begin(), static_cast<char>('0' + number % 10));
        number /= 10;
    } while (number != 0);
    return text;
}

inline Reply wrong_state(Container const& container, std::string_view needed) {
    std::string text = "is ";
    text += state_text(container.state);
    text += ", not ";
    text += needed;
    return Reply::error("wrong-state", text);
}

/// A device's name as protocols have it.
inline proto::DeviceName device_name(std::string_view text) {
    proto::DeviceName name{};
    std::ranges::copy(text.substr(0, name.size() - 1), name.begin());
    return name;
}

} // namespace container
