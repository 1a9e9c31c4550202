// The texts of /proc about the machine, as the container of the reader sees it.
#include "text.hpp"

namespace proc {

namespace {
constexpr std::uint64_t tick = 10'000'000; ///< nanoseconds of a clock tick (USER_HZ 100)
} // namespace

std::string system_meminfo(Core& core, Domain& domain) {
    std::uint64_t const used = domain.account.used();
    auto const [total, left] = core.memory_of(domain);
    TextBuilder out;
    auto line = [&out](std::string_view name, std::uint64_t bytes) {
        out << name << ':';
        for (std::size_t i = name.size() + 1; i < 16; ++i) out << ' ';
        out.decimal(bytes / 1024, 8) << " kB\n";
    };
    line("MemTotal", total);
    line("MemFree", left);
    line("MemAvailable", left);
    for (std::string_view name : {"Buffers", "Cached", "SwapCached"}) line(name, 0);
    line("Active", used);
    line("Inactive", 0);
    for (std::string_view name : {"SwapTotal", "SwapFree", "Dirty", "Writeback"}) line(name, 0);
    line("AnonPages", used);
    for (std::string_view name : {"Mapped", "Shmem", "Slab", "SReclaimable", "SUnreclaim", "KernelStack", "PageTables"})
        line(name, 0);
    line("CommitLimit", total);
    line("Committed_AS", used);
    return out.take();
}

std::string system_stat(Core& core, Domain& domain) {
    std::uint64_t busy = domain.cpu_of_dead, running = 0, blocked = 0;
    domain.processes.each([&](Process& process) {
        busy += core.cpu_time(process);
        if (process.alive() && core.state_letter(process) == 'R') ++running;
    });
    std::uint64_t const now = core.clock.now();
    std::uint64_t const user = busy / tick, idle = now > busy ? (now - busy) / tick : 0;
    TextBuilder out;
    for (std::string_view name : {"cpu ", "cpu0"}) out << name << ' ' << user << " 0 0 " << idle << " 0 0 0 0 0 0\n";
    out << "intr 0\nctxt 0\nbtime " << core.clock.wall_offset() / 1'000'000'000 << "\nprocesses "
        << domain.space->last() << "\nprocs_running " << std::max<std::uint64_t>(running, 1) << "\nprocs_blocked "
        << blocked << "\nsoftirq 0 0 0 0 0 0 0 0 0 0 0\n";
    return out.take();
}

std::string system_loadavg(Core& core, Process& viewer, PidNamespace const& view) {
    auto const information = core.system_information(viewer);
    TextBuilder out;
    for (unsigned i = 5; i < 8; ++i) {
        std::uint64_t const value = information[i] + (1 << 16) / 200; // as fs/proc/loadavg.c rounds
        out << (value >> 16) << '.';
        out.decimal(((value & 0xffff) * 100) >> 16, 2, '0') << ' ';
    }
    std::uint64_t running = 0;
    viewer.domain->processes.each([&](Process& process) {
        if (process.alive() && core.state_letter(process) == 'R') ++running;
    });
    out << running << '/' << viewer.domain->tasks << ' ' << view.last() << '\n';
    return out.take();
}

std::string system_uptime(Core& core) {
    // As the reader's time namespace shows it.
    std::int64_t const offset = core.reader != nullptr ? core.time_offsets(*core.reader)[1] : 0;
    std::uint64_t const now = core.clock.now() + static_cast<std::uint64_t>(offset);
    std::uint64_t busy = 0;
    for (Domain* domain : core.domains) {
        busy += domain->cpu_of_dead;
        domain->processes.each([&](Process& process) { busy += core.cpu_time(process); });
    }
    TextBuilder out;
    auto seconds = [&](std::uint64_t nanoseconds) {
        out << nanoseconds / 1'000'000'000 << '.';
        out.decimal(nanoseconds / 10'000'000 % 100, 2, '0');
    };
    seconds(now);
    out << ' ';
    seconds(now > busy ? now - busy : 0);
    out << '\n';
    return out.take();
}

std::string system_cpuinfo(Core& core) {
    TextBuilder out;
    out << "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 6\nmodel name\t: i686\nstepping\t: "
           "3\ncpu MHz\t\t: "
        << core.clock.ticks_per_millisecond() / 1000 << '.';
    out.decimal(core.clock.ticks_per_millisecond() % 1000, 3, '0')
        << "\ncache size\t: 0 KB\nfpu\t\t: yes\nfpu_exception\t: yes\ncpuid level\t: 4\nwp\t\t: yes\nflags\t\t: fpu "
           "tsc cx8 sep cmov mmx fxsr sse sse2\n"
           "bogomips\t: 0.00\n\n";
    return out.take();
}

std::string_view system_version() { return "Linux version 6.1.0-cella (cella@cella) (g++ 12) #1 Cella\n"; }
std::string_view system_filesystems() {
    return "nodev\tsysfs\nnodev\ttmpfs\nnodev\tproc\nnodev\tcgroup2\nnodev\tdevtmpfs\nnodev\tsockfs\nnodev\tpipefs\nnod"
           "ev\tramfs\nnodev\tdevpts\nnodev\tmqueue\n";
}

} // namespace proc
