// The virtio network card's driver: finds the card, gives it memory, lends pages to its user. Wiring only.
#include "driver.hpp"

int server_main(ipc::ServerInfo const& info) { virtio_net::run_driver<virtio_net::Driver>(info); }
