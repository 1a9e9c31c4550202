#include "stack_image.hpp"
#include <cstring>

namespace proc {

StackImage make_stack(Address top, StackContents const& contents) {
    constexpr std::string_view platform = "i686";
    constexpr Word alignment = 16;
    auto size_of = [](std::vector<std::string> const& strings) {
        Word size = 0;
        for (std::string const& each : strings) size += static_cast<Word>(each.size()) + 1;
        return size;
    };
    // From the top down: a null word, the name, environment, arguments, platform, random bytes.
    Word const argument_bytes = size_of(contents.arguments), environment_bytes = size_of(contents.environment);
    StackImage image;
    Address const name = top - 4 - static_cast<Word>(contents.executable_name.size()) - 1;
    image.environment_end = name;
    image.environment_start = image.environment_end - environment_bytes;
    image.arguments_end = image.environment_start;
    image.arguments_start = image.arguments_end - argument_bytes;
    Address const platform_address = image.arguments_start - static_cast<Word>(platform.size()) - 1;
    Address const random_address = (platform_address - 16) & ~(alignment - 1);
    Word const words = 1 + static_cast<Word>(contents.arguments.size()) + 1 +
                       static_cast<Word>(contents.environment.size()) + 1 +
                       2 * (static_cast<Word>(contents.auxiliary.size()) + 4);
    image.pointer = (random_address - words * sizeof(Word)) & ~(alignment - 1);
    image.bytes.resize(top - image.pointer);

    auto put = [&](Address address, void const* data, std::size_t size) {
        std::memcpy(image.bytes.data() + (address - image.pointer), data, size);
    };
    put(name, contents.executable_name.data(), contents.executable_name.size());
    put(platform_address, platform.data(), platform.size());
    put(random_address, contents.random.data(), contents.random.size());
    Address position = image.pointer;
    auto word = [&](Word value) {
        put(position, &value, sizeof value);
        position += sizeof value;
    };
    auto strings = [&](std::vector<std::string> const& list, Address address) {
        for (std::string const& each : list) {
            word(address);
            put(address, each.data(), each.size());
            address += static_cast<Word>(each.size()) + 1;
        }
        word(0);
    };
    word(static_cast<Word>(contents.arguments.size()));
    strings(contents.arguments, image.arguments_start);
    strings(contents.environment, image.environment_start);
    for (auto const& [key, value] : contents.auxiliary) {
        word(key);
        word(value);
    }
    for (auto const& [key, value] :
         {std::pair{auxiliary::platform, platform_address}, std::pair{auxiliary::random, random_address},
          std::pair{auxiliary::executable_name, name}, std::pair{auxiliary::null, Word{0}}}) {
        word(key);
        word(value);
    }
    return image;
}

} // namespace proc
