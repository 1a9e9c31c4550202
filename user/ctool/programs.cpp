#include "programs.hpp"
#include "failure.hpp"
#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace ctool {

namespace {

std::string trouble(std::string const& path) { return path + ": " + std::strerror(errno); }

std::string parent_of(std::string const& path) {
    auto const slash = path.rfind('/');
    return slash == 0 || slash == path.npos ? "/" : path.substr(0, slash);
}

/// mkdir -p of what lies between `folder` and the last part of `path`.
bool make_parents(std::string const& folder, std::string const& path) {
    for (auto slash = path.find('/', 1); slash != path.npos; slash = path.find('/', slash + 1)) {
        constexpr mode_t mode = 0755;
        if (mkdir((folder + path.substr(0, slash)).c_str(), mode) != 0 && errno != EEXIST) { return false; }
    }
    return true;
}

std::string copy_file(std::string const& from, std::string const& to, mode_t mode) {
    int const source = open(from.c_str(), O_RDONLY | O_CLOEXEC);
    if (source < 0) { return trouble(from); }
    int const target = open(to.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode & 07777);
    if (target < 0) {
        auto const text = trouble(to);
        close(source);
        return text;
    }
    static char buffer[65536];
    std::string result;
    // The file system copies by itself, and shares what it can; what it cannot goes through the buffer.
    constexpr std::size_t at_once = 1 << 30;
    while (copy_file_range(source, nullptr, target, nullptr, at_once, 0) > 0) {}
    for (;;) {
        auto const count = read(source, buffer, sizeof buffer);
        if (count <= 0) {
            result = count < 0 ? trouble(from) : "";
            break;
        }
        ssize_t written = 0; // a limit may cut a write short: the next one says why
        for (ssize_t done = 0; done < count && written >= 0; done += written) {
            written = write(target, buffer + done, static_cast<std::size_t>(count - done));
        }
        if (written < 0) {
            result = trouble(to);
            break;
        }
    }
    close(source);
    if (close(target) != 0 && result.empty()) { result = trouble(to); }
    return result;
}

std::string copy_link(std::string const& from, std::string const& to, std::string& target) {
    char text[PATH_MAX];
    auto const length = readlink(from.c_str(), text, sizeof text);
    if (length < 0) { return trouble(from); }
    target.assign(text, static_cast<std::size_t>(length));
    if (symlink(target.c_str(), to.c_str()) != 0 && errno != EEXIST) { return trouble(to); }
    return {};
}

/// Without `.` and `..`; symbolic links in folders are kept as they are.
std::string normal(std::string const& path) {
    std::string result;
    for (std::size_t at = 0; at < path.size();) {
        auto const end = std::min(path.find('/', at), path.size());
        auto const part = path.substr(at, end - at);
        at = end + 1;
        if (part.empty() || part == ".") { continue; }
        if (part == "..") {
            result.erase(std::min(result.rfind('/'), result.size()));
        } else {
            result += '/' + part;
        }
    }
    return result.empty() ? "/" : result;
}

std::string copy_program(std::string path, std::string const& folder) {
    constexpr int link_limit = 40;
    for (int links = 0; links < link_limit; ++links) {
        struct stat status;
        if (lstat(path.c_str(), &status) != 0) { return trouble(path); }
        if (!make_parents(folder, path)) { return trouble(folder + path); }
        if (!S_ISLNK(status.st_mode)) {
            struct stat there;
            if (lstat((folder + path).c_str(), &there) == 0) { // with another program already
                return {};
            }
            return copy_file(path, folder + path, status.st_mode);
        }
        std::string target;
        if (auto text = copy_link(path, folder + path, target); !text.empty()) { return text; }
        path = normal(target.starts_with('/') ? target : parent_of(path) + '/' + target);
    }
    return path + ": too many symbolic links";
}

} // namespace

std::string find_image(std::string const& name) {
    static constexpr char const* images = "/images";
    std::vector<std::string> names;
    if (DIR* const folder = opendir(images); folder != nullptr) {
        while (dirent const* const entry = readdir(folder)) {
            if (entry->d_name[0] != '.') { names.emplace_back(entry->d_name); }
        }
        closedir(folder);
    }
    // Only a name that is listed: one with a slash or dots would lead elsewhere.
    if (std::find(names.begin(), names.end(), name) != names.end()) { return std::string{images} + '/' + name; }
    std::sort(names.begin(), names.end());
    std::string text = "no image " + name;
    for (auto const& each : names) { text += (&each == &names.front() ? ": there are " : ", ") + each; }
    fail("image-not-found", text + (names.empty() ? ": give one with boot/run --image NAME=FOLDER" : ""));
}

std::vector<std::string> find_programs(std::vector<std::string> const& names) {
    std::vector<std::string> paths;
    char const* const variable = getenv("PATH");
    std::string const search = variable != nullptr ? variable : "/bin:/sbin:/usr/bin:/usr/sbin";
    for (auto const& name : names) {
        std::string found;
        if (name.find('/') != name.npos) {
            char folder[PATH_MAX];
            found = normal(name.starts_with('/')
                               ? name
                               : std::string{getcwd(folder, sizeof folder) != nullptr ? folder : ""} + '/' + name);
        } else {
            for (std::size_t at = 0; at <= search.size() && found.empty();) {
                auto const end = std::min(search.find(':', at), search.size());
                auto const path = normal(search.substr(at, end - at) + '/' + name);
                at = end + 1;
                if (access(path.c_str(), X_OK) == 0) { found = path; }
            }
        }
        struct stat status;
        if (found.empty() || stat(found.c_str(), &status) != 0) {
            fail("program-not-found", name + ": no such program" + (found.empty() ? " in PATH" : ""));
        }
        if (!S_ISREG(status.st_mode)) { fail("program-not-found", name + ": not a file"); }
        paths.push_back(found);
    }
    return paths;
}

std::string copy_programs(std::vector<std::string> const& paths, std::string const& folder) {
    for (auto const& path : paths) {
        if (auto text = copy_program(path, folder); !text.empty()) { return text; }
    }
    return {};
}

std::string copy_tree(std::string const& from, std::string const& folder) {
    DIR* const directory = opendir(from.c_str());
    if (directory == nullptr) { return trouble(from); }
    std::string result;
    while (auto const* entry = readdir(directory)) {
        std::string const name = entry->d_name;
        if (name == "." || name == "..") { continue; }
        auto const source = from + '/' + name, target = folder + '/' + name;
        struct stat status;
        std::string ignored;
        if (lstat(source.c_str(), &status) != 0) {
            result = trouble(source);
        } else if (S_ISDIR(status.st_mode)) {
            result = mkdir(target.c_str(), status.st_mode & 07777) != 0 && errno != EEXIST ? trouble(target)
                                                                                           : copy_tree(source, target);
        } else if (S_ISLNK(status.st_mode)) {
            result = copy_link(source, target, ignored);
        } else if (S_ISREG(status.st_mode)) {
            result = copy_file(source, target, status.st_mode);
        }
        if (result.empty() && !S_ISLNK(status.st_mode) && lchown(target.c_str(), status.st_uid, status.st_gid) != 0) {
            result = trouble(target);
        }
        if (!result.empty()) { break; }
    }
    closedir(directory);
    return result;
}

bool remove_tree(std::string const& folder) {
    bool complete = true;
    if (DIR* const directory = opendir(folder.c_str())) {
        std::vector<std::string> names;
        while (auto const* entry = readdir(directory)) { names.emplace_back(entry->d_name); }
        closedir(directory);
        for (auto const& name : names) {
            if (name == "." || name == "..") { continue; }
            auto const path = folder + '/' + name;
            struct stat status;
            if (lstat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) {
                complete &= remove_tree(path);
            } else {
                complete &= unlink(path.c_str()) == 0;
            }
        }
    }
    return rmdir(folder.c_str()) == 0 && complete;
}

} // namespace ctool
