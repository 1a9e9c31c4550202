#include "ipc/server.hpp"
struct Sample {
    static constexpr abi::Word number = 200;
    using First = ipc::Method<Sample, 1, ipc::Unit()>;
    using Second = ipc::Method<Sample, 1, ipc::Unit(std::uint32_t)>;
    using methods = ipc::Methods<First, Second>;
};
struct Server {
    ipc::Result<ipc::Unit> on(Sample::First, ipc::Sender&) { return ipc::Unit{}; }
    ipc::Result<ipc::Unit> on(Sample::Second, ipc::Sender&, std::uint32_t) { return ipc::Unit{}; }
};
ipc::Disposition use(Server& server, ipc::Received const& received) { return ipc::dispatch<Sample>(server, received); }
