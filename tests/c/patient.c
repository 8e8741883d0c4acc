/* Stands in the place of etcd_config_new where a program runs under valgrind, and gives it more time: a first handshake
 * takes more than a second there, and several on a busy machine. */
#include <etcd.h>

etcd_config *__real_etcd_config_new(void);

etcd_config *__wrap_etcd_config_new(void)
{
    etcd_config *config = __real_etcd_config_new();
    etcd_config_set(config, "timeout.connect_ms", "60000");
    etcd_config_set(config, "timeout.request_ms", "300000");
    return config;
}
