// The boot manifest (boot/manifest says what its words mean) as root keeps it. Knows no kernel: runs in a host test.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace root {

/// `provides namespace:NAME badge N`: the server owns a kind of namespace, and that badge is its first one. `needs namespaces` is a
/// need of each such capability that stands above, under its whole name (ipc::for_each_namespace).
inline constexpr std::string_view namespace_prefix = "namespace:";
inline constexpr std::size_t maximum_namespace_name = 12; ///< as much as ServerNeed::name has room for

/// One word of a `needs` line, resolved.
struct Need {
    enum class Kind : std::uint8_t { Server, Memory, Supervisor, SchedControl, BootImage, Debug, Interrupt, Ports };
    Kind kind{};
    std::string_view name;   ///< as the manifest writes it
    std::uint32_t first = 0; ///< Interrupt: line; Ports: first port; Server: index of the provider
    std::uint32_t last = 0;  ///< Ports: last port; Server: badge, 0: the user's number
};

struct ServerDefinition {
    static constexpr std::size_t maximum_needs = 48;
    std::string_view name;
    std::uint32_t priority = 0, slots = 0;
    std::uint64_t memory = 0, heap = 0;
    bool restart_always = false;
    Need needs[maximum_needs];
    std::size_t need_count = 0;
};

struct Manifest {
    static constexpr std::size_t maximum_servers =
        15; ///< a server's number is also its badge at root and at `each` providers
    static constexpr std::size_t maximum_provisions = 48;
    struct Provision {
        std::string_view name;
        std::uint32_t server, badge;
    };
    ServerDefinition servers[maximum_servers];
    std::size_t server_count = 0;
    Provision provisions[maximum_provisions];
    std::size_t provision_count = 0;
};

/// What is wrong with a manifest, and where. `line` 0: nothing is.
struct ManifestFault {
    std::uint32_t line = 0;
    std::string_view what;
    std::string_view word;
};

/// Parses `text`, which must outlive the manifest. Unresolved needs and calls downhill are faults too.
[[nodiscard]] ManifestFault parse_manifest(std::string_view text, Manifest& manifest);

} // namespace root
