// What ctool prints on standard output.
#pragma once
#include "device.hpp"

namespace ctool {

/// A table of all containers, or one JSON array.
void print_list(Reply const& reply, bool json);
/// JSON with OCI's state keys, limits, usage, and why it ended.
void print_inspect(Reply const& reply);
/// One container for people.
void print_container(Reply const& reply);
/// The machine: a line per figure. Figures of a machine at rest do not change, so that leaks show.
void print_info(Reply const& reply);
void print_processes(Reply const& reply);
/// A table of all namespaces.
void print_namespaces(Reply const& reply);
/// What a container can reach, as a tree.
void print_capabilities(std::string_view name, Reply const& reply);
/// Who waits on whom, then the kernel's latest events.
/// `ctool network ls`.
void print_networks(Reply const& reply, bool json);
void print_debug(Reply const& reply);

} // namespace ctool
