# How far it was tested: `ruby -c` only. Homebrew on Linux can build it; on macOS the library is not tested (README.md).
class Libetcd < Formula
  desc "C client library for etcd's v2 and v3 APIs"
  homepage "https://github.com/libetcd/libetcd"
  url "https://github.com/libetcd/libetcd/archive/refs/tags/v0.2.0.tar.gz"
  sha256 "0000000000000000000000000000000000000000000000000000000000000000"
  license any_of: ["MIT", "Apache-2.0"]

  depends_on "rust" => :build
  depends_on "etcd" => :test
  depends_on "pkgconf" => :test
  depends_on :linux

  def install
    system "make", "install", "DESTDIR=", "PREFIX=#{prefix}", "DOCDIR=#{doc}"
    pkgshare.install "examples/tour.c"
  end

  test do
    flags = shell_output("pkg-config --cflags --libs etcd").split
    system ENV.cc, pkgshare/"tour.c", "-o", "tour", *flags
    port = free_port
    peer = "http://127.0.0.1:#{free_port}"
    client = "http://127.0.0.1:#{port}"
    server = spawn "etcd", "--data-dir", testpath/"data", "--listen-client-urls", client,
                   "--advertise-client-urls", client, "--listen-peer-urls", peer,
                   "--initial-advertise-peer-urls", peer, "--initial-cluster", "default=#{peer}"
    begin
      system "curl", "--retry", "30", "--retry-connrefused", "--retry-delay", "1", "-s", "#{client}/health"
      system "./tour", "127.0.0.1", port.to_s
    ensure
      Process.kill "TERM", server
      Process.wait server
    end
  end
end
