#include "device.hpp"
#include "failure.hpp"
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace ctool {

namespace {
constexpr unsigned long attach_request = 0xCE01; ///< the vDSO turns it into File::Attach: int[3]
}

Request& Request::field(std::string_view name, std::string_view value) {
    text.append(name).append("=").append(value).append(1, '\0');
    return *this;
}

Request& Request::command(char* const* words, char* const* environment) {
    text.append("--").append(1, '\0');
    for (; *words != nullptr; ++words) { text.append(*words).append(1, '\0'); }
    text.append("++").append(1, '\0');
    for (; *environment != nullptr; ++environment) { text.append(*environment).append(1, '\0'); }
    return *this;
}

std::string_view Reply::field(std::string_view name) const {
    for (auto const& [key, value] : fields) {
        if (key == name) { return value; }
    }
    return {};
}

std::uint64_t Reply::number(std::string_view name) const {
    return std::strtoull(std::string{field(name)}.c_str(), nullptr, 10);
}

Device::Device() : descriptor_{open("/dev/container", O_RDWR | O_CLOEXEC)} {
    if (descriptor_ < 0) {
        fail("no-manager", std::string{"/dev/container: "} + std::strerror(errno) + ": only the root container has it");
    }
}
Device::~Device() { close(descriptor_); }

void Device::attach() {
    int const standard[3] = {0, 1, 2};
    if (ioctl(descriptor_, attach_request, standard) != 0) {
        fail("no-manager", std::string{"cannot pass descriptors: "} + std::strerror(errno));
    }
}

Reply Device::exchange(Request const& request) {
    if (write(descriptor_, request.text.data(), request.text.size()) != static_cast<ssize_t>(request.text.size())) {
        fail("no-manager", std::string{"the container manager does not take the request: "} + std::strerror(errno));
    }
    std::string text;
    char buffer[4096];
    for (;;) {
        auto const count = read(descriptor_, buffer, sizeof buffer);
        if (count < 0 && errno == EINTR) { continue; }
        if (count < 0) {
            fail("no-manager", std::string{"the container manager does not answer: "} + std::strerror(errno));
        }
        if (count == 0) { break; }
        text.append(buffer, static_cast<std::size_t>(count));
    }
    Reply reply;
    bool first = true;
    for (std::size_t at = 0; at < text.size();) {
        auto const end = std::min(text.find('\n', at), text.size());
        std::string_view const line{text.data() + at, end - at};
        at = end + 1;
        if (first) {
            first = false;
            reply.ok = line == "ok";
            if (line.starts_with("error ")) {
                auto const rest = line.substr(6);
                auto const space = std::min(rest.find(' '), rest.size());
                reply.code = rest.substr(0, space);
                reply.message = rest.substr(std::min(space + 1, rest.size()));
            }
        } else if (auto const equals = line.find('='); equals != line.npos) {
            reply.fields.emplace_back(line.substr(0, equals), line.substr(equals + 1));
        }
    }
    return reply;
}

} // namespace ctool
