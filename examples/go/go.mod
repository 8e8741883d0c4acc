module example/etcd

go 1.19
