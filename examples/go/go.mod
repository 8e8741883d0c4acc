module github.com/libetcd/libetcd/examples/go

go 1.19
