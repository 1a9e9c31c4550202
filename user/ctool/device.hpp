// Talking to the container manager through /dev/container (servers/container/request.hpp has the format).
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ctool {

struct Request {
    std::string text;
    explicit Request(std::string_view verb) : text{verb} { text += '\0'; }
    Request& field(std::string_view name, std::string_view value);
    Request& field(std::string_view name, std::uint64_t value) { return field(name, std::to_string(value)); }
    /// The words of a command and its environment; last.
    Request& command(char* const* words, char* const* environment);
};

struct Reply {
    bool ok = false;
    std::string code, message;                               ///< of an error
    std::vector<std::pair<std::string, std::string>> fields; ///< in order, names may repeat
    [[nodiscard]] std::string_view field(std::string_view name) const;
    [[nodiscard]] std::uint64_t number(std::string_view name) const;
};

/// One open of the device: an exchange at a time.
class Device {
public:
    Device();
    ~Device();
    Device(Device const&) = delete;
    Device& operator=(Device const&) = delete;
    /// Gives the manager copies of this program's descriptors 0, 1, 2 for the next start or exec.
    void attach();
    /// Sends and reads the reply, for which the manager may take as long as a container runs.
    Reply exchange(Request const& request);

private:
    int descriptor_;
};

} // namespace ctool
