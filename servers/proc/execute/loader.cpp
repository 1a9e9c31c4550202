#include "loader.hpp"
#include <algorithm>
#include <cstring>
#include <utility>

namespace proc {

using namespace linux_process;

namespace {
constexpr Word page_mask = abi::page_size - 1;
constexpr int script_depth = 4;

#if defined(__i386__) || defined(__x86_64__)
std::uint64_t time_stamp() {
    std::uint32_t low, high;
    asm volatile("rdtsc" : "=a"(low), "=d"(high));
    return std::uint64_t{high} << 32 | low;
}
/// CPUID leaf 1, EDX: what Linux passes as AT_HWCAP.
Word hardware_capabilities() {
    Word a = 1, b, c = 0, d;
    asm volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    return d;
}
#endif

bool may_execute(Credentials const& credentials, UserNamespace const& space, proto::FileStatus const& status) {
    Word const mode = status.mode;
    bool const known = space.users.maps_global(status.user) && space.groups.maps_global(status.group);
    if (known && credentials.capable(capability::dac_override)) return (mode & 0111) != 0;
    if (credentials.file_user == status.user) return (mode & 0100) != 0;
    if (credentials.in_group(status.group)) return (mode & 0010) != 0;
    return (mode & 0001) != 0;
}

std::string_view base_name(std::string_view path) {
    auto const slash = path.rfind('/');
    return slash == std::string_view::npos ? path : path.substr(slash + 1);
}
} // namespace

bool parse_script(std::string_view start, std::string& interpreter, std::string& argument) {
    if (!start.starts_with("#!")) return false;
    auto const end = start.find('\n');
    std::string_view line = start.substr(2, end == std::string_view::npos ? std::string_view::npos : end - 2);
    auto blank = [](char c) { return c == ' ' || c == '\t'; };
    while (!line.empty() && blank(line.front())) line.remove_prefix(1);
    while (!line.empty() && blank(line.back())) line.remove_suffix(1);
    if (auto const nul = line.find('\0'); nul != std::string_view::npos) line = line.substr(0, nul);
    std::size_t length = 0;
    while (length < line.size() && !blank(line[length])) ++length;
    if (length == 0) return false;
    // A name cut off by the end of what is looked at cannot be trusted.
    if (end == std::string_view::npos && length == line.size() && start.size() >= 256) return false;
    interpreter = line.substr(0, length);
    line.remove_prefix(length);
    while (!line.empty() && blank(line.front())) line.remove_prefix(1);
    argument = line;
    return true;
}

struct Loader::Plan {
    FileCache& cache;
    std::string path; ///< as given: AT_EXECFN and the name
    std::vector<std::string> arguments, environment;
    Binary program, interpreter;
    CapabilityPointer executable = 0;

    explicit Plan(FileCache& files) : cache{files} {}
    Plan(Plan const&) = delete;
    ~Plan() {
        if (program.object != nullptr) program.object->release();
        if (interpreter.object != nullptr) interpreter.object->release();
    }
};

Result<std::vector<std::string>> Loader::read_vector(MemorySpace& memory, Address address, std::size_t& left) {
    std::vector<std::string> strings;
    if (address == 0) return strings;
    for (;; address += sizeof(Word)) {
        auto const pointer = memory.read<Word>(address);
        if (!pointer) return fail(pointer.error());
        if (*pointer == 0) return strings;
        auto text = memory.read_string(*pointer, left);
        if (!text) return fail(text.error() == Error::NameTooLong ? Error::ArgumentsTooLong : text.error());
        std::size_t const cost = text->size() + 1 + sizeof(Word);
        if (cost > left) return fail(Error::ArgumentsTooLong);
        left -= cost;
        strings.push_back(std::move(*text));
    }
}

Result<FileObject*> Loader::open(Process& process, CapabilityPointer directory, std::string_view path) {
    if (path.empty() && directory == 0) return fail(Error::NoEntry);
    auto opened = files_.open(process, directory, path);
    if (!opened) return fail(opened.error());
    if (opened->kind != proto::FileKind::Regular) {
        machine_.drop(opened->file);
        return fail(Error::Access);
    }
    auto object = cache_.open(opened->file);
    if (!object) return object;
    if (!may_execute(process.credentials, *process.user_space, (*object)->status())) {
        (*object)->release();
        return fail(Error::Access);
    }
    if (auto status = (*object)->run(); !status) {
        (*object)->release();
        return fail(status.error());
    }
    return object;
}

Result<ElfProgram> Loader::read_program(FileObject& object) {
    std::array<std::byte, elf_header_bytes> header;
    auto got = object.read(0, header);
    if (!got) return fail(got.error());
    auto const where = read_elf_table(std::span{header}.first(*got), object.status().size);
    if (!where) return fail(where.error());
    std::array<std::byte, elf_program_header_maximum * elf_program_header_bytes> table;
    auto const part = std::span{table}.first(where->count * elf_program_header_bytes);
    got = object.read(where->offset, part);
    if (!got) return fail(got.error());
    return read_elf(header, part.first(*got), object.status().size);
}

/// Opens what has to be opened and reads it: the program, through `#!` lines, and its ELF interpreter.
Status Loader::prepare(Process& process, CapabilityPointer directory, Plan& plan) {
    std::string path = plan.path;
    for (int depth = 0;; ++depth) {
        if (depth > script_depth) return fail(Error::Loop);
        auto object = open(process, depth == 0 ? directory : 0, path);
        if (!object) return fail(object.error());
        if (plan.program.object != nullptr) plan.program.object->release();
        plan.program.object = *object;
        std::array<char, 256> start;
        auto const got = (*object)->read(0, std::as_writable_bytes(std::span{start}));
        if (!got) return fail(got.error());
        std::string_view const text{start.data(), *got};
        if (!text.starts_with("#!")) break;
        std::string interpreter, argument;
        if (!parse_script(text, interpreter, argument)) return fail(Error::NotExecutable);
        std::vector<std::string> arguments{interpreter};
        if (!argument.empty()) arguments.push_back(argument);
        arguments.push_back(path);
        if (!plan.arguments.empty())
            arguments.insert(arguments.end(), plan.arguments.begin() + 1, plan.arguments.end());
        plan.arguments = std::move(arguments);
        path = interpreter;
    }
    auto program = read_program(*plan.program.object);
    if (!program) return fail(program.error());
    plan.program.elf = std::move(*program);
    if (plan.program.elf.interpreter_size != 0) {
        std::string name(plan.program.elf.interpreter_size, '\0');
        auto const got =
            plan.program.object->read(plan.program.elf.interpreter_offset, std::as_writable_bytes(std::span{name}));
        if (!got || *got != name.size() || name.back() != '\0') return fail(Error::NotExecutable);
        name.resize(std::strlen(name.c_str()));
        auto object = open(process, 0, name);
        if (!object) return fail(object.error());
        plan.interpreter.object = *object;
        auto interpreter = read_program(**object);
        if (!interpreter || !interpreter->relocatable)
            return fail(interpreter ? Error::NotExecutable : interpreter.error());
        plan.interpreter.elf = std::move(*interpreter);
    }
    auto executable = machine_.duplicate(plan.program.object->file());
    if (!executable) return fail(executable.error());
    plan.executable = *executable;
    return done();
}

Status Loader::map_binary(MemorySpace& memory, Binary const& binary, Address bias) {
    for (auto const& segment : binary.elf.segments) {
        if (Status status = memory.map_segment(segment.start + bias, segment.end + bias, segment.protection,
                                               *binary.object, segment.page_offset, segment.file_end + bias);
            !status) {
            return status;
        }
    }
    return done();
}

/// Sixteen bytes for AT_RANDOM: xorshift over time stamps. They seed hash tables and stack protectors; no secret outlives the run.
std::array<std::byte, 16> Loader::random_bytes() {
    random_state_ ^= time_stamp() * 0x9e3779b97f4a7c15ull + 1;
    std::array<std::byte, 16> bytes;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        random_state_ ^= random_state_ << 13;
        random_state_ ^= random_state_ >> 7;
        random_state_ ^= random_state_ << 17;
        bytes[i] = static_cast<std::byte>(random_state_ >> 32);
    }
    return bytes;
}

void Loader::close_on_exec(Process& process) {
    MemorySpace& memory = *process.memory;
    Word const highest = memory.files_highest(process.files);
    for (Word number = 0; number < highest; ++number) {
        Descriptor const descriptor = memory.descriptor(process.files, number);
        if (descriptor.open == 0 || descriptor.close_on_exec == 0) continue;
        if (slot::descriptor_first + number < Word{1} << process.cspace->radix)
            machine_.remove(*process.cspace, slot::descriptor_first + number, 1);
        static_cast<void>(memory.set_descriptor(process.files, number, {}));
    }
}

/// The thread goes over to a new memory; the old memory stays with those who share it.
Status Loader::new_memory(Thread& thread) {
    Process& process = *thread.process;
    MemorySpace* const old = process.memory;
    auto made = MemorySpace::create(process.domain->account);
    if (!made) return fail(made.error());
    MemorySpace& memory = **made;
    Status status = memory.copy_files_from(*old, process.files);
    if (status) status = machine_.set_space(*thread.kernel, memory.binding(0));
    if (!status) {
        memory.release();
        return status;
    }
    memory.stack_limit = old->stack_limit;
    memory.data_limit = old->data_limit;
    memory.space_limit = old->space_limit;
    if (thread.has_area) old->remove_area(thread.area);
    if (process.own_files) old->remove_files(process.files);
    thread.area = 0;
    thread.has_area = false;
    process.files = 0;
    process.own_files = false;
    process.memory = &memory;
    old->release();
    return done();
}

/// From here on the old program is lost: an error ends the process.
Status Loader::commit(Thread& thread, Plan& plan) {
    Process& process = *thread.process;
    MemorySpace& memory = *process.memory;
    ElfProgram const& elf = plan.program.elf;
    Address const bias = elf.relocatable ? pie_base - elf.lowest : 0;
    if (Status status = map_binary(memory, plan.program, bias); !status) return status;
    Address entry = elf.entry + bias, interpreter_bias = 0;
    if (plan.interpreter.object != nullptr) {
        ElfProgram const& interpreter = plan.interpreter.elf;
        interpreter_bias = map_top - (interpreter.highest - interpreter.lowest) - interpreter.lowest;
        if (Status status = map_binary(memory, plan.interpreter, interpreter_bias); !status) return status;
        entry = interpreter.entry + interpreter_bias;
    }
    memory.set_break_start((elf.memory_end + bias + page_mask) & ~page_mask);

    Credentials credentials = process.credentials;
    proto::FileStatus const& file = plan.program.object->status();
    bool const secure = Core::execute_credentials(credentials, *process.user_space, file);
    StackContents const contents{
        plan.arguments,
        plan.environment,
        plan.path,
        random_bytes(),
        {{auxiliary::sysinfo, vdso_header().syscall_entry},
         {auxiliary::sysinfo_header, vdso_base},
         {auxiliary::minimum_signal_stack, 2048},
         {auxiliary::hardware, hardware_capabilities()},
         {auxiliary::page_size, abi::page_size},
         {auxiliary::clock_ticks, 100},
         {auxiliary::program_headers, elf.program_headers != 0 ? elf.program_headers + bias : 0},
         {auxiliary::program_header_size, elf_program_header_bytes},
         {auxiliary::program_header_count, elf.program_header_count},
         {auxiliary::base, interpreter_bias},
         {auxiliary::flags, 0},
         {auxiliary::entry, elf.entry + bias},
         {auxiliary::user, Core::user_in(*process.user_space, credentials.user)},
         {auxiliary::effective_user, Core::user_in(*process.user_space, credentials.effective_user)},
         {auxiliary::group, Core::group_in(*process.user_space, credentials.group)},
         {auxiliary::effective_group, Core::group_in(*process.user_space, credentials.effective_group)},
         {auxiliary::secure, secure ? 1u : 0u},
         {auxiliary::hardware2, 0}}};
    StackImage const stack = make_stack(stack_top, contents);
    if (Status status = memory.map_stack(); !status) return status;
    if (Status status = memory.copy_out(stack.pointer, stack.bytes); !status) return status;
    memory.layout = {elf.code_start + bias, elf.code_end + bias,     elf.data_start + bias,
                     elf.data_end + bias,   stack.pointer,           stack.arguments_start,
                     stack.arguments_end,   stack.environment_start, stack.environment_end};

    close_on_exec(process);
    for (Word number = 0; number < 3; ++number) {
        if (thread.kernel->tls[number].flags != 0) static_cast<void>(machine_.set_tls(*thread.kernel, number, {}));
    }
    machine_.reset_floating_point(*thread.kernel);
    UserFrame& frame = memory.area(thread.area).frame;
    frame = {};
    frame.eip = entry;
    frame.esp = stack.pointer;
    frame.eflags = 0x202;
    frame.valid = 1;
    core_.set_executable(process, std::exchange(plan.executable, 0));
    core_.finish_execute(process, base_name(plan.path), file);
    return done();
}

Status Loader::execute(Thread& thread, CapabilityPointer directory, std::string path,
                       std::vector<std::string> arguments, std::vector<std::string> environment) {
    Process& process = *thread.process;
    Plan plan{cache_};
    plan.path = std::move(path);
    plan.arguments = std::move(arguments);
    plan.environment = std::move(environment);
    if (plan.arguments.empty()) plan.arguments.emplace_back();
    auto drop_executable = [&] {
        if (plan.executable != 0) machine_.drop(std::exchange(plan.executable, 0));
    };
    if (Status status = prepare(process, directory, plan); !status) {
        drop_executable();
        return status;
    }
    core_.begin_execute(thread);
    Status status = done();
    if (process.memory->references() > 1) {
        status = new_memory(thread);
        if (!status) {
            // Nothing of the old program has been touched, but its other threads are gone.
            drop_executable();
            return status;
        }
    } else {
        process.memory->clear_program();
    }
    status = commit(thread, plan);
    drop_executable();
    if (!status) {
        core_.exit_process(process, 9);
        return fail(Error::NoProcess);
    }
    core_.fill_area(thread);
    if (thread.suspended) machine_.suspend(*thread.kernel); // it waits for an answer that must not come
    static_cast<void>(machine_.start(*thread.kernel, vdso_header().program_entry, !thread.suspended));
    return done();
}

Result<ipc::Unit> Loader::execute(Process& process, std::string_view path, std::vector<std::string> const& arguments,
                                  std::vector<std::string> const& environment) {
    Plan plan{cache_};
    plan.path = path;
    plan.arguments = arguments;
    plan.environment = environment;
    if (plan.arguments.empty()) plan.arguments.emplace_back(path);
    Status status = prepare(process, 0, plan);
    if (status) {
        process.memory->clear_program();
        status = commit(*process.leader(), plan);
    }
    if (plan.executable != 0) machine_.drop(std::exchange(plan.executable, 0));
    return status;
}

} // namespace proc
