#include "ipc/call.hpp"
struct Sample {
    static constexpr abi::Word number = 200;
    using First = ipc::Method<Sample, 1, ipc::Unit(ipc::Text<200>, ipc::Text<60>)>;
    using methods = ipc::Methods<First>;
};
bool use(ipc::Cap<Sample> cap) {
    return ipc::call<Sample::First>(cap, ipc::Text<200>{"a"}, ipc::Text<60>{"b"}).has_value();
}
