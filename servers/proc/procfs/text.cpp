// The texts of /proc/PID.
#include "text.hpp"

namespace proc {

namespace {
constexpr std::uint64_t tick = 10'000'000; ///< nanoseconds of a clock tick (USER_HZ 100)

/// SigIgn and SigCgt of a process.
std::pair<SignalSet, SignalSet> dispositions(Process const& process) {
    SignalSet ignored = 0, caught = 0;
    if (process.handlers == nullptr) return {0, 0};
    for (std::uint32_t number = 1; number <= signal_count; ++number) {
        std::uint32_t const handler = process.handlers->actions[number].handler;
        if (handler == 1) ignored |= signal_bit(number);
        if (handler > 1) caught |= signal_bit(number);
    }
    return {ignored, caught};
}

char letter_of(Core& core, Process& process, Thread* thread) {
    if (thread == nullptr || process.threads.size() < 2) return core.state_letter(process);
    if (process.stopped) return 'T';
    if (thread == core.current) return 'R';
    if (thread->kernel == nullptr || thread->blocked != Blocked::None) return 'S';
    auto const state = core.machine.state(*thread->kernel);
    return state && *state == abi::ThreadState::Running ? 'R' : 'S';
}
} // namespace

TextBuilder& TextBuilder::digits(std::uint64_t value, unsigned base, unsigned width, char pad) {
    char buffer[24];
    unsigned length = 0;
    do {
        buffer[length++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    for (unsigned i = length; i < width; ++i) text_.push_back(pad);
    while (length > 0) text_.push_back(buffer[--length]);
    return *this;
}

std::string process_status(Core& core, Process& process, Thread* thread, PidNamespace const& view) {
    TextBuilder out;
    Credentials const& c = process.credentials;
    char const letter = letter_of(core, process, thread);
    std::string_view const words = letter == 'R'   ? "R (running)"
                                   : letter == 'S' ? "S (sleeping)"
                                   : letter == 'T' ? "T (stopped)"
                                                   : "Z (zombie)";
    Pid const& pid = thread != nullptr ? *thread->pid : *process.pid;
    out << "Name:\t" << process.comm() << "\nState:\t" << words << "\nTgid:\t" << process.pid->number_in(view)
        << "\nNgid:\t0\nPid:\t" << pid.number_in(view) << "\nPPid:\t"
        << (process.parent == nullptr ? 0 : process.parent->pid->number_in(view)) << "\nTracerPid:\t0\n";
    // As the reader's user namespace knows the ids.
    UserNamespace const& reader = core.reader != nullptr ? *core.reader->user_space : *core.first_user_space;
    auto user = [&](std::uint32_t id) { return Core::user_in(reader, id); };
    auto group = [&](std::uint32_t id) { return Core::group_in(reader, id); };
    out << "Uid:\t" << user(c.user) << '\t' << user(c.effective_user) << '\t' << user(c.saved_user) << '\t'
        << user(c.file_user) << "\nGid:\t" << group(c.group) << '\t' << group(c.effective_group) << '\t'
        << group(c.saved_group) << '\t' << group(c.file_group) << "\nFDSize:\t64\nGroups:\t";
    for (std::uint32_t i = 0; i < c.group_count; ++i) out << group(c.groups[i]) << ' ';
    auto numbers = [&](std::string_view name, Pid const* which) {
        out << '\n' << name << ":";
        if (which == nullptr) return;
        for (unsigned level = view.level(); level <= which->level; ++level) out << '\t' << which->numbers[level].number;
    };
    numbers("NStgid", process.pid);
    numbers("NSpid", &pid);
    numbers("NSpgid", process.group);
    numbers("NSsid", process.session);
    out << '\n';
    if (process.memory != nullptr) {
        MemorySpace& memory = *process.memory;
        auto line = [&](std::string_view name, std::uint64_t kib) {
            (out << name << ":\t").decimal(kib, 8) << " kB\n";
        };
        std::uint64_t data = 0, stack = 0, text = 0;
        for (auto const& [start, mapping] : memory.mappings()) {
            std::uint64_t const kib = (mapping.end - mapping.start) / 1024;
            if (mapping.kind == Mapping::Kind::Stack) {
                stack += kib;
            } else if (mapping.file != nullptr && (mapping.protection & protection::execute) != 0) {
                text += kib;
            } else if (mapping.writable()) {
                data += kib;
            }
        }
        std::uint64_t const resident = memory.resident_pages() * 4;
        std::uint64_t const peak = std::max<std::uint64_t>(resident, process.maximum_resident);
        line("VmPeak", memory.virtual_pages() * 4);
        line("VmSize", memory.virtual_pages() * 4);
        line("VmLck", 0);
        line("VmPin", 0);
        line("VmHWM", peak);
        line("VmRSS", resident);
        line("RssAnon", resident);
        line("RssFile", 0);
        line("RssShmem", 0);
        line("VmData", data);
        line("VmStk", stack);
        line("VmExe", text);
        line("VmLib", 0);
        line("VmPTE", 4);
        line("VmSwap", 0);
    }
    auto const [ignored, caught] = dispositions(process);
    SignalSet thread_pending = 0, mask = 0;
    if (Thread const* shown = thread != nullptr ? thread : process.leader(); shown != nullptr) {
        thread_pending = shown->pending.set;
        mask = shown->mask;
    }
    out << "Threads:\t" << process.threads.size() << "\nSigQ:\t" << process.pending.entries.size() << "/1024\n";
    auto set = [&](std::string_view name, std::uint64_t value) {
        (out << name << ":\t").hexadecimal(value, 16) << '\n';
    };
    set("SigPnd", thread_pending);
    set("ShdPnd", process.pending.set);
    set("SigBlk", mask);
    set("SigIgn", ignored);
    set("SigCgt", caught);
    set("CapInh", c.inheritable);
    set("CapPrm", c.permitted);
    set("CapEff", c.effective);
    set("CapBnd", c.bounding);
    set("CapAmb", c.ambient);
    out << "NoNewPrivs:\t" << (c.no_new_privileges ? 1 : 0)
        << "\nSeccomp:\t0\nSeccomp_filters:\t0\nCpus_allowed:\t1\nCpus_allowed_list:\t0\nMems_allowed:\t1\nMems_"
           "allowed_list:\t0\n"
           "voluntary_ctxt_switches:\t0\nnonvoluntary_ctxt_switches:\t0\n";
    return out.take();
}

std::string process_stat(Core& core, Process& process, Thread* thread, PidNamespace const& view) {
    TextBuilder out;
    Pid const& pid = thread != nullptr ? *thread->pid : *process.pid;
    auto number = [&](Pid const* which) { return which == nullptr ? 0 : which->number_in(view); };
    Process const* const leader = process.session == nullptr ? nullptr : process.session->process;
    std::int32_t terminal = 0, foreground = -1;
    if (leader != nullptr && leader->terminal != 0) {
        if (auto const status = core.owners.file_status(leader->vfs_session, leader->terminal)) {
            terminal = static_cast<std::int32_t>((status->special_minor & 0xff) | (status->special_major & 0xfff) << 8 |
                                                 (status->special_minor & ~0xffu) << 12);
        }
        if (auto const group = core.owners.terminal_foreground(leader->terminal)) {
            if (Pid const* const found = Pid::find_global(*group)) foreground = found->number_in(view);
        }
    }
    std::uint64_t const user = (thread != nullptr ? core.thread_time(*thread) : core.cpu_time(process)) / tick;
    Thread const* const shown = thread != nullptr ? thread : process.leader();
    auto const [ignored, caught] = dispositions(process);
    MemorySpace const* const memory = process.memory;
    MemorySpace::Layout const layout = memory == nullptr ? MemorySpace::Layout{} : memory->layout;
    out << pid.number_in(view) << " (" << process.comm() << ") " << letter_of(core, process, thread) << ' '
        << (process.parent == nullptr ? 0 : process.parent->pid->number_in(view)) << ' ' << number(process.group) << ' '
        << number(process.session) << ' ' << terminal << ' ' << foreground << " 4194304 "
        << process.faults + (memory == nullptr ? 0 : memory->faults) << ' ' << process.children_faults << " 0 0 "
        << user << " 0 " << process.cpu_of_children / tick << " 0 " << 20 + process.nice << ' ' << process.nice << ' '
        << process.threads.size() << " 0 " << process.start_time / tick << ' '
        << (memory == nullptr ? 0 : std::uint64_t{memory->virtual_pages()} * abi::page_size) << ' '
        << (memory == nullptr ? 0 : memory->resident_pages()) << " 4294967295 " << layout.code_start << ' '
        << layout.code_end << ' ' << layout.stack_start << " 0 0 "
        << (shown == nullptr ? 0 : static_cast<Word>(shown->pending.set & 0x7fffffff)) << ' '
        << (shown == nullptr ? 0 : static_cast<Word>(shown->mask & 0x7fffffff)) << ' '
        << static_cast<Word>(ignored & 0x7fffffff) << ' ' << static_cast<Word>(caught & 0x7fffffff) << " 0 0 0 "
        << process.exit_signal << " 0 0 0 0 0 0 " << layout.data_start << ' ' << layout.data_end << ' '
        << (memory == nullptr ? 0 : memory->break_start()) << ' ' << layout.arguments_start << ' '
        << layout.arguments_end << ' ' << layout.environment_start << ' ' << layout.environment_end << ' '
        << process.exit_status << '\n';
    return out.take();
}

std::string process_statm(Process& process) {
    TextBuilder out;
    MemorySpace const* const memory = process.memory;
    if (memory == nullptr) return "0 0 0 0 0 0 0\n";
    Word text = 0, data = 0;
    for (auto const& [start, mapping] : memory->mappings()) {
        Word const pages = (mapping.end - mapping.start) / abi::page_size;
        if (mapping.file != nullptr && (mapping.protection & protection::execute) != 0) {
            text += pages;
        } else if (mapping.writable()) {
            data += pages;
        }
    }
    out << memory->virtual_pages() << ' ' << memory->resident_pages() << " 0 " << text << " 0 " << data << " 0\n";
    return out.take();
}

std::string process_limits(Process& process) {
    static constexpr struct {
        std::string_view name, unit;
    } rows[limit_count] = {
        {"Max cpu time", "seconds"},    {"Max file size", "bytes"},      {"Max data size", "bytes"},
        {"Max stack size", "bytes"},    {"Max core file size", "bytes"}, {"Max resident set", "bytes"},
        {"Max processes", "processes"}, {"Max open files", "files"},     {"Max locked memory", "bytes"},
        {"Max address space", "bytes"}, {"Max file locks", "locks"},     {"Max pending signals", "signals"},
        {"Max msgqueue size", "bytes"}, {"Max nice priority", ""},       {"Max realtime priority", ""},
        {"Max realtime timeout", "us"}};
    TextBuilder out;
    auto column = [&](std::string_view text, std::size_t width) {
        out << text;
        for (std::size_t i = text.size(); i < width; ++i) out << ' ';
    };
    auto value = [&](std::uint64_t bytes) {
        TextBuilder number;
        if (bytes == unlimited) {
            number << "unlimited";
        } else {
            number << bytes;
        }
        column(number.take(), 21);
    };
    out << "Limit                     Soft Limit           Hard Limit           Units     \n";
    for (unsigned i = 0; i < limit_count; ++i) {
        column(rows[i].name, 26);
        value(process.limits[i].soft);
        value(process.limits[i].hard);
        column(rows[i].unit, 10);
        out << '\n';
    }
    return out.take();
}

std::string process_maps(Core& core, Process& process) {
    TextBuilder out;
    if (process.memory == nullptr) return {};
    FileObject const* last_file = nullptr;
    std::string last_name;
    for (auto const& [start, mapping] : process.memory->mappings()) {
        std::size_t const begin = out.size();
        out.hexadecimal(mapping.start, 8) << '-';
        out.hexadecimal(mapping.end, 8) << ' ' << ((mapping.protection & protection::read) != 0 ? 'r' : '-')
                                        << (mapping.writable() ? 'w' : '-')
                                        << ((mapping.protection & protection::execute) != 0 ? 'x' : '-')
                                        << (mapping.shared ? 's' : 'p') << ' ';
        out.hexadecimal(std::uint64_t{mapping.page_offset} * abi::page_size, 8) << ' ';
        std::string_view name;
        if (mapping.file != nullptr && !mapping.file->anonymous()) {
            proto::FileStatus const& status = mapping.file->status();
            out.hexadecimal(status.device_major, 2) << ':';
            out.hexadecimal(status.device_minor, 2) << ' ' << status.inode;
            if (mapping.file != last_file) {
                last_file = mapping.file;
                last_name = core.owners.file_name(mapping.file->file());
            }
            name = last_name;
        } else {
            out << "00:00 0";
            name = mapping.kind == Mapping::Kind::Heap    ? "[heap]"
                   : mapping.kind == Mapping::Kind::Stack ? "[stack]"
                                                          : "";
        }
        out << ' ';
        if (!name.empty()) {
            while (out.size() - begin < 73) out << ' ';
            out << name;
        }
        out << '\n';
    }
    std::size_t const begin = out.size();
    out.hexadecimal(linux_process::vdso_base, 8) << '-';
    out.hexadecimal(linux_process::vdso_base + linux_process::vdso_size, 8) << " r-xp 00000000 00:00 0 ";
    while (out.size() - begin < 73) out << ' ';
    out << "[vdso]\n";
    return out.take();
}

std::string process_arguments(Process& process, bool environment) {
    if (process.memory == nullptr) return {};
    auto const& layout = process.memory->layout;
    Address const start = environment ? layout.environment_start : layout.arguments_start;
    Address const end = environment ? layout.environment_end : layout.arguments_end;
    if (end <= start) return {};
    std::string text(std::min<std::size_t>(end - start, 65536), '\0');
    if (!process.memory->copy_in(start, std::as_writable_bytes(std::span{text}))) return {};
    return text;
}

} // namespace proc
