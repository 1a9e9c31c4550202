// Programs and images copied into a container's folder.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace ctool {

/// Path of each program outside: as given if it has a slash, else found in PATH. Fails before anything is changed.
std::vector<std::string> find_programs(std::vector<std::string> const& names);
/// The folder of the image (boot/run --image). Fails before anything is changed, and says which images there are.
std::string find_image(std::string const& name);
/// Copies each under the same path below `folder`; a symbolic link is copied as a link together with what it names.
/// Returns an empty text, or what went wrong.
std::string copy_programs(std::vector<std::string> const& paths, std::string const& folder);
/// Copies the tree below `from` into `folder`.
std::string copy_tree(std::string const& from, std::string const& folder);
/// Deletes the folder and all below it. False if something is left.
bool remove_tree(std::string const& folder);

} // namespace ctool
