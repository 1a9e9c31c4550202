// The driver with a fault, for tests: the first of its life dies at its 400th event, in the middle of work.
#include "driver.hpp"

namespace {

bool dies = false;

class FailingDriver : public virtio_net::Driver {
public:
    using Driver::Driver;
    void on_notification(abi::Word bits) {
        if (++events_ == 400 && dies) { __builtin_trap(); }
        Driver::on_notification(bits);
    }

private:
    int events_ = 0;
};

} // namespace

int server_main(ipc::ServerInfo const& info) {
    dies = info.generation == 0;
    virtio_net::run_driver<FailingDriver>(info);
}
